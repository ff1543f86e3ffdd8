"""Each data set comes from the source in the parameters, and all sources are checked before any is read."""

from pathlib import Path
from typing import Any

import pytest

from difflab.config.data import DataParams
from difflab.config.load import ParamsError, validate
from difflab.data import sources, torchvision_files
from difflab.errors import DataError

EMBEDDED = {name: {"source": f"embedded/{name}"} for name in ("mnist", "mnistm", "svhn", "usps")}
EMBEDDED["faces"] = {"source": "embedded/faces", "persons": "prefix"}


def params(root: Path | None = None, **named: dict[str, Any]) -> DataParams:
    return validate(
        DataParams,
        {
            "root": root and str(root),
            "seed": 0,
            "sets": EMBEDDED | named,
            "embedded": {"copies_per_digit": 1, "street_numbers": 100},
        },
    )


def test_every_source_is_checked_though_an_earlier_one_is_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"torchvision/train_32x32\.mat: not found"):
        sources.require(params(tmp_path, svhn={"source": "torchvision/SVHN"}))
    with pytest.raises(DataError, match=r"usps: no such folder"):
        sources.require(params(tmp_path, usps={"source": "folder"}))
    with pytest.raises(DataError, match=r"faces: no such folder"):
        sources.require(params(tmp_path, faces={"source": "folder", "persons": "prefix"}))


def test_downloads_only_without_a_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(torchvision_files, "download", lambda *args: asked.append(args))
    sources.require(params(mnist={"source": "torchvision/MNIST"}, usps={"source": "torchvision/USPS"}))
    assert asked == [("MNIST", Path(".cache/downloads")), ("USPS", Path(".cache/downloads"))]
    with pytest.raises(DataError):
        sources.require(params(tmp_path, mnist={"source": "torchvision/MNIST"}))
    assert len(asked) == 2


def test_mnist_and_mnistm_split_their_digits_alike() -> None:
    mnist, mnistm = (sources.read(name, params()) for name in ("mnist", "mnistm"))
    assert mnist.splits.equal(mnistm.splits) and mnist.labels.equal(mnistm.labels)


def test_too_few_images_to_split_are_one_line(tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "usps"
    folder.mkdir(parents=True)
    for i in range(4):
        Image.new("L", (4, 4)).save(folder / f"{i}.png")
    (folder / "train.csv").write_text("image_name,label\n0.png,0\n1.png,0\n")
    (folder / "val.csv").write_text("image_name,label\n2.png,0\n3.png,1\n")
    with pytest.raises(DataError, match=r"^data\.sets\.usps: folder: .*usps: found the class '0' without .*validation"):
        sources.read("usps", params(tmp_path, usps={"source": "folder"}))


def test_photographs_lie_in_the_root() -> None:
    with pytest.raises(
        ParamsError, match=r"root: found null, allowed: a folder, because sets\.mnistm is blended/MNIST"
    ):
        params(None, mnistm={"source": "blended/MNIST"})
