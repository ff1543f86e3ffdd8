"""inputs/ links to what params.yaml names, regardless of its previous contents."""

from pathlib import Path
from typing import Any

import pytest

from difflab.config.load import validate
from difflab.config.params import Params
from difflab.setup.inputs import CHECKED, FOLDER, link_inputs, named_inputs
from tests.config.changed_params import PARAMS, changed


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("root/faces", "root/digits/svhn", "root/photos", "root/torchvision/MNIST/raw", "images", "clip"):
        Path(name).mkdir(parents=True)
    Path("judge.pt").touch()
    Path("images/a.png").touch()
    return tmp_path


def link(values: dict[str, Any]) -> dict[str, str]:
    """What each link of inputs/ leads to, with `values` in params.yaml."""
    params = PARAMS
    for key, value in values.items():
        params = changed(key, value, params)
    link_inputs(validate(Params, params))
    here = Path.cwd()
    links = [path for path in FOLDER.rglob("*") if path.is_symlink()]
    return {str(path.relative_to(FOLDER)): str(path.readlink().relative_to(here)) for path in links}


def test_what_names_nothing_has_a_small_file():
    assert link({}) == {}
    assert {str(FOLDER / key) for key, _ in named_inputs(validate(Params, PARAMS))} <= set(map(str, FOLDER.rglob("*")))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"zero_shot/images": "images"}, {"zero_shot.images": "images"}),
        ({"clip/pretrained": "clip"}, {"clip.pretrained": "clip"}),
        ({"clip/pretrained": "openai/clip-vit-base-patch32"}, {}),
        ({"data/root": "root"}, {}),
        ({"data/root": "root", "data/sets/faces/source": "folder"}, {"data/faces": "root/faces"}),
        (
            {"data/root": "root", "data/sets/svhn": {"source": "folder", "path": "digits/svhn"}},
            {"data/svhn": "root/digits/svhn"},
        ),
        (
            {"data/root": "root", "data/sets/usps/source": "torchvision/USPS"},
            {f"data/usps/{name}": f"root/torchvision/{name}" for name in ("usps.bz2", "usps.t.bz2")},
        ),
        ({"data/sets/usps/source": "torchvision/USPS"}, {}),  # downloaded
    ],
)
def test_links_lead_to_what_is_named(values, expected):
    assert link(values) == expected
    assert link(values) == expected, "again"
    assert link({}) == {}
    assert Path("images/a.png").exists()


def test_photographs_are_an_input_of_a_blended_data_set():
    links = link({"data/root": "root", "data/sets/mnistm/source": "blended/MNIST"})
    assert links.pop("data/blended-photos") == "root/photos"
    assert len(links) == 4
    assert {Path(place).parent.as_posix() for place in links} == {"data/mnistm"}


@pytest.mark.parametrize("place", [CHECKED, FOLDER / "clip.pretrained"])
def test_a_small_file_that_was_cut_is_written_again(place: Path):
    """Stages depend on its content."""
    link({})
    whole = place.read_bytes()
    place.write_bytes(whole[:5])
    link({})
    assert place.read_bytes() == whole


def test_another_name_takes_the_place_of_one():
    Path("more").mkdir()
    assert link({"zero_shot/images": "images"}) == {"zero_shot.images": "images"}
    assert link({"zero_shot/images": "more"}) == {"zero_shot.images": "more"}


def test_what_is_nobody_s_goes():
    link({})
    (FOLDER / "old/below").mkdir(parents=True)
    (FOLDER / "old/below/file").touch()
    (FOLDER / "file").touch()
    (FOLDER / "data/link").symlink_to(Path("images").absolute())
    assert link({}) == {}
    assert not (FOLDER / "old").exists() and not (FOLDER / "file").exists()
    assert Path("images/a.png").exists(), "the user's"


def test_a_concept_leads_to_its_photographs():
    values = {"personalization/concepts/plum/images": "images", "personalization/concepts/plum/color": None}
    assert link(values) == {"personalization.concepts/plum": "images"}
