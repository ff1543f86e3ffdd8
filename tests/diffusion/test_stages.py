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

from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.pipelines import UnconditionalPipeline
from tests.factories import SAMPLER as OPTIONS

STAGES = Path(__file__).parents[2] / "stages"
SAMPLER = OPTIONS | {"seed": 0, "batch_size": 16}
DIGITS = {"mnistm": [0, 2], "svhn": [1]}
CONDITION = {"kind": "digit_and_domain", "digit_dim": 8, "domain_dim": 4, "drop_probability": 0.1}


@pytest.fixture
def project(digit_model, unconditional_model, tmp_path, monkeypatch) -> Path:
    """A working folder with trained models and parameters."""
    shutil.copytree(digit_model, tmp_path / "models" / "joint")
    shutil.copytree(unconditional_model, tmp_path / "models" / "unconditional")
    write_params(tmp_path, DIGITS, SAMPLER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_params(project: Path, digits: dict[str, list[int]], sampler: dict, eta: float = 0.5) -> None:
    sampling = sampler | {"eta": eta, "guidance_scale": 3.0, "images_per_digit": 12, "trace_steps": 6}
    params = {
        "compute": {"threads": 1, "mixed_precision": "fp32"},
        "recipes": {
            "joint": {"data": digits, "condition": CONDITION, "sampling": sampling},
            "unconditional": {
                "data": {"mnist": list(range(10))},
                "condition": None,
                "sampling": sampling | {"guidance_scale": None},
            },
        },
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
    for stage in ("grid", "reverse"):
        run_stage(monkeypatch, stage, "joint")
        assert Image.open(f"figures/{stage}_joint.png").info["Stage"] == stage


def test_without_a_condition_there_are_as_many_images(project, monkeypatch):
    """120 of them, image k from noise k − 1."""
    run_stage(monkeypatch, "sample", "unconditional")
    made = contents(project / "samples/unconditional")
    images = {f"mnist/{k:03d}.png" for k in range(1, 121)}
    assert set(made) == images | {f"trace/mnist/t{time:04d}.png" for time in range(0, 101, 20)}
    assert made["trace/mnist/t0000.png"] == made["mnist/001.png"]
    assert len({made[name] for name in images}) == 120
    pipeline = UnconditionalPipeline.from_folder(project / "models/unconditional")
    (image,) = pipeline(generator=bank_generators(0, [41]), eta=0.5, **OPTIONS).images
    assert abs(pixels(made["mnist/042.png"]) - np.asarray(image).astype(int)).max() <= 1
    for stage in ("grid", "reverse"):
        run_stage(monkeypatch, stage, "unconditional")
        assert Image.open(f"figures/{stage}_unconditional.png").info["Stage"] == stage


def test_a_missing_image_of_the_reverse_process_is_named(project, monkeypatch):
    """Those of later times would stand under earlier ones."""
    for folder, times in {"svhn_1": (100, 0), "mnistm_0": (100, 40, 0)}.items():
        for time in times:
            file = project / "samples/joint/trace" / folder / f"t{time:04d}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8)).save(file)
    with pytest.raises(SystemExit, match=r"^error: samples/joint/trace/svhn_1/t0040\.png: not found$"):
        run_stage(monkeypatch, "reverse", "joint")


def test_mistakes_end_in_one_line(project, monkeypatch):
    for stage, line in {
        "reverse": "error: samples/joint/trace: found nothing, allowed: what `dvc repro sample@joint` makes",
        "grid": "error: samples/joint/mnistm/0_001.png: not found",
    }.items():
        with pytest.raises(SystemExit) as error:
            run_stage(monkeypatch, stage, "joint")
        assert error.value.code == line
    shutil.rmtree("models/joint")
    with pytest.raises(SystemExit, match=r"^error: models/joint: no trained model here"):
        run_stage(monkeypatch, "sample", "joint")
    assert not Path("samples").exists()
