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
from difflab.figures.image_grid import Panel
from tests.factories import SAMPLER as OPTIONS

STAGES = Path(__file__).parents[2] / "stages"
SAMPLER = OPTIONS | {"seed": 0, "batch_size": 16}
TEN = [str(k) for k in range(1, 11)]
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
    sampling = (
        sampler | ({"eta": eta} if eta else {}) | {"guidance_scale": 3.0, "images_per_digit": 12, "trace_steps": 6}
    )
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
    runpy.run_path(str(next(STAGES.rglob(f"{name}.py"))), run_name="__main__")


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
    run_stage(monkeypatch, "grid", "joint")
    for figure in ("grid", "reverse"):
        assert Image.open(f"figures/{figure}_joint.png").info["Stage"] == "grid"
    shown = contents(project / "studies/same_noise/joint")
    assert len(shown) == 30 and shown.items() <= contents(project / "samples/joint").items()


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
    run_stage(monkeypatch, "grid", "unconditional")
    for figure in ("grid", "reverse"):
        assert Image.open(f"figures/{figure}_unconditional.png").info["Stage"] == "grid"
    shown = contents(project / "studies/same_noise/unconditional")
    assert len(shown) == 100 and shown.items() <= made.items()


@pytest.mark.parametrize("sampler", ["ddpm", "dpmsolver++"])
def test_the_sampler_is_a_parameter(project, monkeypatch, sampler):
    run_stage(monkeypatch, "sample", "joint")
    ddim = contents(project / "samples/joint")
    write_params(project, DIGITS, SAMPLER | {"sampler": sampler}, eta=0.0)
    run_stage(monkeypatch, "sample", "joint")
    made = contents(project / "samples/joint")
    assert set(made) == set(ddim)
    assert made["trace/svhn_1/t0100.png"] == ddim["trace/svhn_1/t0100.png"]
    assert made["svhn/1_001.png"] != ddim["svhn/1_001.png"]


def panels_of(monkeypatch, recipe: str) -> tuple[list[Panel], Panel]:
    """The panels of the grid, and of the reverse process."""
    drawn: list[list[Panel]] = []
    monkeypatch.setattr("difflab.figures.image_grid.save_image_grid", lambda panels, *_: drawn.append(panels))
    run_stage(monkeypatch, "grid", recipe)
    grid, [reverse] = drawn
    return grid, reverse


def write_files(*files: str) -> None:
    for file in files:
        path = Path("samples", file)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)


def write_joint(digits: dict[str, list[int]]) -> None:
    write_files(
        *(f"joint/{name}/{digit}_{k:03d}.png" for name in digits for digit in digits[name] for k in range(1, 11))
    )


@pytest.mark.parametrize(
    ("digits", "panels"),
    [
        (DIGITS, {"noise input": ["0  mnistm", "1  svhn", "2  mnistm"]}),
        ({"mnistm": [1, 0]}, {"mnistm: noise input": ["0", "1"]}),
        ({"mnistm": [0, 1], "svhn": [1, 0]}, {f"{domain}: noise input": ["0", "1"] for domain in ("mnistm", "svhn")}),
    ],
    ids=["no digit in two domains", "one domain", "two domains"],
)
def test_grid_of_digits(project, monkeypatch, digits, panels):
    write_params(project, digits, SAMPLER)
    write_joint(digits)
    write_files("joint/trace/mnistm_0/t0000.png")
    drawn, _ = panels_of(monkeypatch, "joint")
    assert {panel.title: panel.row_labels for panel in drawn} == panels
    for panel in drawn:
        assert panel.column_labels == TEN
        for label, row in zip(panel.row_labels, panel.rows, strict=True):
            digit, domain = label.split("  ") if "  " in label else (label, panel.title.split(":")[0])
            assert row == [Path(f"samples/joint/{domain}/{digit}_{k:03d}.png") for k in range(1, 11)]


def test_grid_of_noises(project, monkeypatch):
    names = [f"unconditional/mnist/{k:03d}.png" for k in range(1, 101)]
    write_files(*names, "unconditional/trace/mnist/t0000.png")
    (panel,), _ = panels_of(monkeypatch, "unconditional")
    assert [str(file) for row in panel.rows for file in row] == [f"samples/{name}" for name in names]
    assert panel.row_labels[:2] == ["noises 1–10", "noises 11–20"] and panel.column_labels == TEN


@pytest.mark.parametrize(
    ("folders", "labels"),
    [
        (["svhn_1", "mnistm_0"], ["0  mnistm", "1  svhn"]),
        (["svhn_0", "mnistm_0"], ["0  mnistm", "0  svhn"]),
        (["mnist"], ["mnist"]),
    ],
)
def test_strips_of_the_reverse_process(project, monkeypatch, folders, labels):
    write_joint(DIGITS)
    write_files(*(f"joint/trace/{folder}/t{time:04d}.png" for folder in folders for time in (100, 40, 0)))
    _, panel = panels_of(monkeypatch, "joint")
    assert list(panel.row_labels) == labels
    assert panel.column_labels == ["t = 100", "t = 40", "t = 0"]
    for row, label in zip(panel.rows, labels, strict=True):
        folder = Path("samples/joint/trace", "_".join(label.split("  ")[::-1]))
        assert row == [folder / name for name in ("t0100.png", "t0040.png", "t0000.png")]


def test_mistakes_end_in_one_line(project, monkeypatch):
    """Also where an image of the reverse process is missing: those of later times would stand under earlier ones."""

    def expect(stage: str, line: str) -> None:
        with pytest.raises(SystemExit, match=rf"^error: {line}"):
            run_stage(monkeypatch, stage, "joint")

    expect("grid", r"samples/joint/mnistm/0_001\.png: not found$")
    write_joint(DIGITS)
    expect("grid", r"samples/joint/trace: found nothing, allowed: what `dvc repro sample@joint` makes$")
    write_files(*(f"joint/trace/{name}.png" for name in ("mnistm_0/t0100", "mnistm_0/t0040", "svhn_1/t0100")))
    expect("grid", r"samples/joint/trace/svhn_1/t0040\.png: not found$")
    shutil.rmtree("samples")
    shutil.rmtree("models/joint")
    expect("sample", "models/joint: no trained model here")
    assert not Path("samples").exists()
