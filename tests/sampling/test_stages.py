"""The stages that sample and draw, run on small random models: files, their places, their bytes."""

import io
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

STAGES = Path(__file__).parents[2] / "stages"
SAMPLER = {
    "seed": 0,
    "sampler": "ddim",
    "num_inference_steps": 5,
    "timestep_spacing": "trailing",
    "steps_offset": 0,
    "set_alpha_to_one": True,
    "clip_sample": True,
    "batch_size": 16,
}
DIGITS = {"mnistm": [0, 2], "svhn": [1]}


@pytest.fixture
def project(digit_model, unconditional_model, tmp_path, monkeypatch) -> Path:
    """A working folder with trained models and parameters."""
    shutil.copytree(digit_model, tmp_path / "models" / "joint")
    shutil.copytree(unconditional_model, tmp_path / "models" / "faces")
    write_params(tmp_path, DIGITS, SAMPLER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_params(project: Path, digits: dict[str, list[int]], sampler: dict) -> None:
    sampling = sampler | {"eta": 0.5, "guidance_scale": 2.0, "images_per_digit": 12, "trace_steps": 6}
    params = {
        "compute": {"threads": 1, "mixed_precision": "no"},
        "recipes": {"joint": {"data": digits, "sampling": sampling}},
        "faces": {"sampling": sampler | {"etas": [0.0, 0.5, 1.0], "num_noises": 3}},
    }
    (project / "params.yaml").write_text(yaml.safe_dump(params))


def run_stage(monkeypatch, name: str, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    runpy.run_path(str(STAGES / f"{name}.py"), run_name="__main__")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.png")}


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png))).astype(int)


def test_sample_writes_every_image_and_the_trace(project, monkeypatch):
    run_stage(monkeypatch, "sample", "joint")
    first = contents(project / "samples/joint")
    images = {f"{domain}/{d}_{k:03d}.png" for domain, ds in DIGITS.items() for d in ds for k in range(1, 13)}
    traces = {f"trace/{name}/t{time:04d}.png" for name in ("mnistm_0", "svhn_1") for time in range(0, 101, 20)}
    assert set(first) == images | traces
    assert first["trace/svhn_1/t0000.png"] == first["svhn/1_001.png"]
    assert first["trace/svhn_1/t0100.png"] == first["trace/mnistm_0/t0100.png"]  # image 1 of each starts alike

    (project / "samples/joint/left over.png").touch()
    run_stage(monkeypatch, "sample", "joint")
    assert contents(project / "samples/joint") == first  # the same bytes twice, and nothing old stays

    write_params(project, DIGITS, SAMPLER | {"batch_size": 7})
    run_stage(monkeypatch, "sample", "joint")
    for name, data in contents(project / "samples/joint").items():
        assert abs(pixels(data) - pixels(first[name])).max() <= 1


def test_faces_are_sampled_once_for_each_eta(project, monkeypatch):
    run_stage(monkeypatch, "sample_faces")
    faces = contents(project / "samples/faces")
    assert set(faces) == {f"eta_{eta}/{number:02d}.png" for eta in (0.0, 0.5, 1.0) for number in range(3)}
    assert len(set(faces.values())) == 9
    run_stage(monkeypatch, "eta_grid")
    assert Image.open("figures/eta_grid.png").info["Stage"] == "eta_grid"


@pytest.mark.parametrize("digits", [DIGITS, {"mnistm": [0, 1], "svhn": [1, 0]}], ids=["one panel", "two panels"])
def test_figures_of_a_recipe(project, monkeypatch, digits):
    write_params(project, digits, SAMPLER)
    run_stage(monkeypatch, "sample", "joint")
    run_stage(monkeypatch, "grid", "joint")
    run_stage(monkeypatch, "reverse", "joint")
    grid, reverse = Image.open("figures/grid_joint.png"), Image.open("figures/reverse_joint.png")
    panels = 1 if digits is DIGITS else 2
    assert panels * 10 * 160 < grid.width < panels * 2000
    assert 6 * 160 < reverse.width < 1300


def test_mistakes_end_in_one_line(project, monkeypatch):
    for stage, line in {
        "reverse": "error: samples/joint/trace: found nothing, allowed: what `dvc repro sample@joint` makes",
        "grid": "error: samples/joint/mnistm/0_001.png: not found; the figure needs it",
    }.items():
        with pytest.raises(SystemExit) as error:
            run_stage(monkeypatch, stage, "joint")
        assert error.value.code == line
    shutil.rmtree("models/joint")
    with pytest.raises(SystemExit, match=r"^error: models/joint: no trained model here"):
        run_stage(monkeypatch, "sample", "joint")
    assert not Path("samples").exists()
