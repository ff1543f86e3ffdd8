"""The models of pretrained/: each loads like a user's model, reproduces its recorded outputs, and has a card."""

import json
import re
from pathlib import Path

import pytest

from difflab.config.params import load_params
from gpu.face_data import HELD_OUT
from pretrained.outputs import OUTPUTS, OUTPUTS_OF, outputs_of

FOLDER = Path(__file__).parents[2] / "pretrained"
LARGEST = 25 * 2**20  # bytes of all of them together


@pytest.mark.parametrize("name", OUTPUTS_OF)
def test_a_model_puts_out_what_it_did(name: str) -> None:
    stored = json.loads((FOLDER / name / OUTPUTS).read_text())
    assert len(stored) == 16 and outputs_of(name, FOLDER / name) == pytest.approx(stored, abs=1e-3)


def test_all_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < LARGEST


@pytest.mark.parametrize("name", OUTPUTS_OF)
def test_a_card_says_where_a_model_comes_from(name: str) -> None:
    card = (FOLDER / name / "README.md").read_text()
    for subject in ("**Data.**", "**Known faults.**", "**Training.**", "**Measured**"):
        assert subject in card
    training = card.partition("**Training.** ")[2]
    assert training.startswith(("`make pretrained", "`python gpu/job.py"))
    assert re.search(r"at commit [0-9a-f]{40}\b", training)


def test_the_faces_model_has_files_of_its_quality() -> None:
    faces = FOLDER / "faces"
    card, quality = (faces / "README.md").read_text(), json.loads((faces / "quality.json").read_text())
    assert all((faces / name).is_file() and name in card for name in ("samples.png", HELD_OUT))
    for key in ("real_baseline", "eta_0"):
        assert f"{quality['frechet_distance'][key]:.2f}" in card


def test_the_default_profile_starts_from_them() -> None:
    params = load_params(FOLDER.parent / "params.yaml")
    assert params.faces and params.clip and params.text_to_image
    named = [params.faces.checkpoint, params.clip.pretrained, params.text_to_image.pretrained]
    assert named == [f"pretrained/{name}" for name in OUTPUTS_OF]
