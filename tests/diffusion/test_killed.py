"""Sampling killed with SIGKILL and restarted gives the same bytes as an uninterrupted one."""

import runpy
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tests.killing import finish, kill_once

STAGE = [str(Path(__file__).parents[2] / "stages/digits/sample.py"), "joint"]
SAMPLING = {
    "seed": 0,
    "sampler": "ddpm",
    "num_inference_steps": 30,
    "batch_size": 4,
    "guidance_scale": 3.0,
    "images_per_digit": 13,
    "trace_steps": 3,
}
NUM_BATCHES = 10


@pytest.fixture
def project(digit_model, tmp_path) -> Path:
    shutil.copytree(digit_model, tmp_path / "models/joint")
    recipe = {"data": {"mnistm": [0, 2], "svhn": [1]}, "sampling": SAMPLING}
    params = {"compute": {"threads": 1, "mixed_precision": "fp32"}, "recipes": {"joint": recipe}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    return tmp_path


def num_drawn(project: Path) -> int:
    return len(list(project.glob(".cache/samples/sample@joint/sample-joint-*/*.safetensors")))


def kill_at(project: Path, batches: int, address: str) -> int:
    """Start sampling, kill it once it has kept so many batches; returns how many it has then."""
    kill_once(lambda: num_drawn(project) >= batches, address, STAGE, project)
    return num_drawn(project)


def images(project: Path) -> dict[str, bytes]:
    folder = project / "samples/joint"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.png")}


def test_killed_at_two_points_it_ends_in_the_same_bytes(project, warm_stages, monkeypatch):
    """39 images in batches of 4, which are not those of one digit."""
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "argv", STAGE)
    runpy.run_path(STAGE[0], run_name="__main__")
    whole = images(project)
    assert len(whole) == 39 + 2 * 3
    shutil.rmtree(project / "samples")
    reached = [kill_at(project, batches, warm_stages) for batches in (2, 5)]
    assert 2 <= reached[0] < 5 <= reached[1] < NUM_BATCHES, "each kill should undo only a part"
    assert not images(project)
    finish(warm_stages, STAGE, project)
    assert images(project) == whole
    assert num_drawn(project) == 0
