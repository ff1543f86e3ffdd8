"""Each fault of a user's data set, in each kind of source: a one-line error before any image is read."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from difflab.config.data import DataParams
from difflab.config.load import validate
from difflab.data import folder, images
from difflab.data.classes import MAX_CLASSES
from difflab.data.dataset import ImageDataset
from difflab.data.sources import check
from difflab.errors import DataError

SIZE = 4
PARTS = ("train", "val", "test")
Rows = dict[str, list[str]]  # the label of each image, by part
Save = Callable[[Path, Rows], dict[str, Any]]  # writes a data set, returns the keys of its entry in params.yaml


def rows(counts: dict[str, tuple[int, int, int]]) -> Rows:
    """`counts`: images for train, validation and test by class."""
    return {part: [name for name, of in counts.items() for _ in range(of[k])] for k, part in enumerate(PARTS)}


def as_folders(root: Path, labels: Rows) -> dict[str, Any]:
    for part in PARTS:
        (root / part).mkdir(parents=True)
        for number, name in enumerate(labels[part]):
            (root / part / name).mkdir(exist_ok=True)
            Image.new("L", (SIZE, SIZE)).save(root / part / name / f"{number}.png")
    return {"source": "folder"}


def as_csv(root: Path, labels: Rows) -> dict[str, Any]:
    root.mkdir()
    for part in PARTS:
        for number in range(len(labels[part])):
            Image.new("L", (SIZE, SIZE)).save(root / f"{part}{number}.png")
        lines = [f"{part}{number}.png,{name}" for number, name in enumerate(labels[part])]
        (root / f"{part}.csv").write_text("\n".join(["image_name,label", *lines]))
    return {"source": "folder"}


def arrays(labels: Rows) -> dict[str, Any]:
    classes = list(dict.fromkeys(name for part in PARTS for name in labels[part]))
    numbers = [classes.index(name) for part in PARTS for name in labels[part]]
    splits = [k for k, part in enumerate(PARTS) for _ in labels[part]]
    blank = np.zeros((len(numbers), SIZE, SIZE), np.uint8)
    return {"images": blank, "labels": np.array(numbers, int), "splits": np.array(splits, int), "classes": classes}


def as_npz(root: Path, labels: Rows) -> dict[str, Any]:
    np.savez(root, **arrays(labels))
    return {"source": "npz", "path": f"{root.name}.npz"}


def as_npy(root: Path, labels: Rows) -> dict[str, Any]:
    root.mkdir()
    for name, array in arrays(labels).items():
        np.save(root / f"{name}.npy", array)
    return {"source": "npz"}


def as_safetensors(root: Path, labels: Rows) -> dict[str, Any]:
    found = arrays(labels)
    file = root.with_suffix(".safetensors")
    tensors = (torch.from_numpy(found[name]) for name in ("images", "labels", "splits"))
    blank, numbers, splits = tensors
    ImageDataset(blank[:, None], numbers, splits.to(torch.uint8), "blank", tuple(found["classes"])).save(file)
    return {"source": "safetensors", "path": file.name}


SOURCES: dict[str, Save] = {
    save.__name__.removeprefix("as_"): save for save in (as_folders, as_csv, as_npz, as_npy, as_safetensors)
}
GOOD = {"cat": (3, 1, 1), "dog": (3, 1, 1)}
# By fault: images of the classes, and what the line says.
FAULTS: dict[str, tuple[dict[str, tuple[int, int, int]], str]] = {
    "class missing for training": (GOOD | {"emu": (0, 2, 2)}, "the class 'emu' without an image for train "),
    "class missing for validation": (GOOD | {"emu": (2, 0, 2)}, "the class 'emu' without an image for validation "),
    "class missing for the test": (GOOD | {"emu": (2, 2, 0)}, "the class 'emu' without an image for test "),
    "one image of a class": (GOOD | {"emu": (1, 0, 0)}, "1 images( of the class 'emu'| in all)"),
    "no image": ({}, "images"),
    "one class": ({"cat": (3, 1, 1)}, "found 1 classes, allowed: 2 to"),
    "too many classes": (
        {f"c{k}": (1, 1, 1) for k in range(MAX_CLASSES + 1)},
        f"found {MAX_CLASSES + 1} classes, allowed: 2 to {MAX_CLASSES}",
    ),
}


def params_of(root: Path, entry: dict[str, Any]) -> DataParams:
    data = {"root": str(root), "seed": 0, "embedded": {"copies_per_digit": 1, "street_numbers": 100}}
    return validate(DataParams, data | {"sets": {"own": entry}})


def line_of(root: Path, entry: dict[str, Any]) -> str:
    with pytest.raises(DataError) as error:
        check(params_of(root, entry))
    line = str(error.value)
    assert line.startswith(f"data.sets.own: {entry['source']}: ") and "\n" not in line
    return line


@pytest.fixture(autouse=True)
def no_image_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("an image was read")

    monkeypatch.setattr(images, "read_squares", refuse)
    monkeypatch.setattr(folder, "read_squares", refuse)


@pytest.mark.parametrize("source", SOURCES)
def test_a_good_set_passes(tmp_path: Path, source: str) -> None:
    entry = SOURCES[source](tmp_path / "own", rows(GOOD))
    assert check(params_of(tmp_path, entry)) == {"own": ("cat", "dog")}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("source", SOURCES)
def test_what_is_wrong_with_the_classes_is_one_line(tmp_path: Path, source: str, fault: str) -> None:
    counts, found = FAULTS[fault]
    assert re.search(found, line_of(tmp_path, SOURCES[source](tmp_path / "own", rows(counts))))


@pytest.mark.parametrize("source", ["folders", "csv"])
def test_two_classes_whose_names_differ_in_case_alone(tmp_path: Path, source: str) -> None:
    """Such as Cat and cat, most often a typing error; both are used where `classes` names both."""
    entry = SOURCES[source](tmp_path / "own", rows(GOOD | {"Cat": (3, 1, 1)}))
    assert "found the classes 'Cat' and 'cat', allowed: " in line_of(tmp_path, entry)
    entry["classes"] = ["cat", "Cat"]
    assert check(params_of(tmp_path, entry)) == {"own": ("cat", "Cat")}


def test_two_classes_of_one_name(tmp_path: Path) -> None:
    """Folders cannot be, and a CSV file makes one class of them."""
    found = arrays(rows(GOOD)) | {"classes": ["cat", "cat"]}
    np.savez(tmp_path / "own.npz", allow_pickle=False, **found)
    twice = "classes: found two of one name, 'cat'"
    assert twice in line_of(tmp_path, {"source": "npz", "path": "own.npz"})
    metadata = {"description": '{"description": "blank", "classes": ["cat", "cat"]}'}
    tensors = {name: torch.from_numpy(found[name]) for name in ("images", "labels", "splits")}
    tensors |= {"images": tensors["images"][:, None], "splits": tensors["splits"].to(torch.uint8)}
    save_file(tensors, tmp_path / "own.safetensors", metadata=metadata)
    assert twice in line_of(tmp_path, {"source": "safetensors", "path": "own.safetensors"})


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"images": np.zeros((9, SIZE, SIZE), np.uint8)}, r"labels: found int64 \(10,\), allowed: integers \(9,\)"),
        ({"images": np.zeros((10, SIZE, 5), np.uint8)}, r"images: found uint8 \(10, 4, 5\), allowed: "),
        ({"images": np.array([np.zeros((4, 4)), *[np.zeros((5, 5))] * 9], object)}, r"images: found object \(10,\)"),
        ({"splits": np.zeros(9, int)}, r"splits: found int64 \(9,\), allowed: integers \(10,\)"),
        ({"splits": np.full(10, 256)}, "splits: found 256, allowed: 0 to 2"),
        ({"splits": np.zeros(10)}, r"splits: found float64 \(10,\)"),
        ({"labels": np.full(10, 2)}, "labels: found 2, allowed: 0 to 1"),
        ({"classes": "cat"}, r"classes: found <U3 \(\), allowed: names"),
    ],
)
@pytest.mark.parametrize("kind", ["npz", "npy"])
def test_arrays_that_do_not_fit(tmp_path: Path, kind: str, changed: dict[str, Any], found: str) -> None:
    parts = arrays(rows(GOOD)) | changed
    if kind == "npz":
        np.savez(tmp_path / "own.npz", **parts)
    else:
        (tmp_path / "own").mkdir()
        for name, array in parts.items():
            np.save(tmp_path / "own" / f"{name}.npy", array, allow_pickle=True)
    path = "own.npz" if kind == "npz" else "own"
    line = line_of(tmp_path, {"source": "npz", "path": path})
    assert re.search(found, line) or ("object" in found and "images: cannot be read" in line)


def test_the_two_parts_of_keras_have_one_size_and_labels_each(tmp_path: Path) -> None:
    good = {"x_train": np.zeros((8, 4, 4), np.uint8), "y_train": np.arange(8) % 2}
    good |= {"x_test": np.zeros((4, 4, 4), np.uint8), "y_test": np.arange(4) % 2}
    for changed, found in (
        ({"x_test": np.zeros((4, 5, 5), np.uint8)}, "x_test: found uint8 (4, 5, 5), allowed: uint8 (N, 4, 4)"),
        ({"y_test": np.arange(3) % 2}, "y_test: found int64 (3,), allowed: integers (4,)"),
        ({"y_test": np.zeros(4, int)}, "the class '1' without an image for test "),
    ):
        np.savez(tmp_path / "own.npz", allow_pickle=False, **(good | changed))
        assert found in line_of(tmp_path, {"source": "npz", "path": "own.npz"})


def test_a_label_without_an_image_and_the_reverse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a CSV file. An image that no CSV file names is not used, and said to be so."""
    entry = as_csv(tmp_path / "own", rows(GOOD))
    Image.new("L", (SIZE, SIZE)).save(tmp_path / "own/more.png")
    check(params_of(tmp_path, entry))
    assert "1 images that no CSV lists are not used, the first of them more.png" in capsys.readouterr().err
    (tmp_path / "own/val0.png").unlink()
    assert "own/val.csv, line 2: " in line_of(tmp_path, entry)
    as_folders(tmp_path / "folders", rows(GOOD))
    Image.new("L", (SIZE, SIZE)).save(tmp_path / "folders/train/more.png")
    line = line_of(tmp_path, {"source": "folder", "path": "folders"})
    assert "train/more.png: found an image without a class" in line
