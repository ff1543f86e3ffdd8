"""fetch and prepare as the pipeline calls them, from params.yaml to prepared files."""

import runpy
import sys
from pathlib import Path

import pytest
import yaml

from difflab.data.dataset import SPLITS, ImageDataset

STAGES = Path(__file__).parents[2] / "stages"
DATASETS = ["mnist", "mnistm", "svhn", "usps", "faces"]
FACES = {"faces": {"source": "embedded/faces", "persons": "prefix"}}


def run_stage(name: str, *arguments: str) -> None:
    sys.argv = [name, *arguments]
    runpy.run_path(str(next(STAGES.rglob(f"{name}.py"))), run_name="__main__")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [])
    write_params(tmp_path)
    return tmp_path


def write_params(folder: Path, **sets: dict[str, str]) -> None:
    data = {
        "root": str(folder / "absent") if sets else None,
        "seed": 0,
        "sets": {name: {"source": f"embedded/{name}"} for name in DATASETS} | FACES | sets,
        "embedded": {"copies_per_digit": 1, "street_numbers": 100},
    }
    params = {"data": data, "prepare": {"digit_size": 16, "face_size": 24}}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def test_from_nothing_to_prepared_files(workspace: Path) -> None:
    run_stage("fetch")
    assert sorted(path.name for path in Path("fetched").iterdir()) == sorted(f"{name}.safetensors" for name in DATASETS)
    Path("data").symlink_to("fetched")
    for name in DATASETS:
        run_stage("prepare", name)
        raw = ImageDataset.load(Path(f"data/{name}.safetensors"))
        prepared = ImageDataset.load(Path(f"prepared/sets/{name}.safetensors"))
        size = 24 if name == "faces" else 16
        assert tuple(prepared.images.shape) == (len(raw), 3, size, size)
        assert prepared.labels.equal(raw.labels) and prepared.splits.equal(raw.splits)
        assert prepared.description == raw.description and prepared.images.float().std() > 20
        assert all(len(prepared.part(split)) for split in SPLITS)


def test_fetching_twice_gives_the_same_bytes(workspace: Path) -> None:
    run_stage("fetch")
    first = {path.name: path.read_bytes() for path in Path("fetched").iterdir()}
    run_stage("fetch")
    assert first == {path.name: path.read_bytes() for path in Path("fetched").iterdir()}


def test_an_absent_source_is_one_line_before_any_work(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_params(workspace, svhn={"source": "torchvision/SVHN"})
    monkeypatch.setattr("difflab.data.sources.read", lambda *_: pytest.fail("read before all sources were checked"))
    with pytest.raises(SystemExit, match=r"^error: data\.root: found '.*/absent', which is no folder, allowed: null"):
        run_stage("fetch")
    (workspace / "absent").mkdir()
    line = r"^error: data\.sets\.svhn: torchvision/SVHN: .*/absent/torchvision/train_32x32\.mat: not found; [^\n]+$"
    with pytest.raises(SystemExit, match=line):
        run_stage("fetch")
    assert not Path("fetched").exists()


def test_prepare_without_its_data_is_one_line(workspace: Path) -> None:
    with pytest.raises(SystemExit, match=r"^error: data/usps\.safetensors: not found$"):
        run_stage("prepare", "usps")


def test_a_recipe_gets_the_data_sets_of_its_domains(workspace: Path) -> None:
    """Bytes that do not change when another data set does."""
    Path("params.yaml").write_text(yaml.safe_dump({"recipes": {"one": {"data": {"mnist": [0], "svhn": [1]}}}}))
    Path("prepared/sets").mkdir(parents=True)
    for name in ("mnist", "mnistm", "svhn"):
        Path(f"prepared/sets/{name}.safetensors").write_text(name)
    run_stage("recipe_data", "one")
    copies = {path.name: path.read_text() for path in Path("prepared/recipes/one").iterdir()}
    assert copies == {"mnist.safetensors": "mnist", "svhn.safetensors": "svhn"}
