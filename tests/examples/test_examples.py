"""The programs of examples/ run as its README says, with fewer steps and on a model with random weights for digits."""

import re
import runpy
import shlex
import sys
from pathlib import Path

import nbformat
import pytest
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel
from PIL import Image, ImageDraw

from difflab.diffusion.schedules import linear_betas
from difflab.diffusion.unet import make_unet, save_model_folder
from difflab.models.conditioning import make_condition
from tests.factories import condition, network

ROOT = Path(__file__).parents[2]
README = (ROOT / "examples/README.md").read_text()
NOTEBOOK = nbformat.read(ROOT / "examples/tour.ipynb", as_version=4)
SCRIPTS = sorted(path.name for path in (ROOT / "examples").glob("*.py"))
LINES = [shlex.split(line) for line in re.findall(r"^python .*$", README, re.M)]
COMMANDS = {Path(program).name: arguments for _, program, *arguments in LINES}
FEW_STEPS = ["--steps", "2"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: pretrained/ of the repository, a small models/joint-cosine, and two images to classify."""
    unet = make_unet(network(), 8, conditional=True)
    models = {"unet": unet, "condition": make_condition(condition("digit_and_domain"), ["mnistm", "svhn"], 32)}
    save_model_folder(tmp_path / "models/joint-cosine", "DigitPipeline", models, linear_betas(50, 1e-3, 0.2))
    (tmp_path / "pretrained").symlink_to(ROOT / "pretrained")
    images = tmp_path / "samples/zero_shot/val"
    images.mkdir(parents=True)
    for name, colors in {"0_000": ("red", "blue"), "1_000": ("cyan", "tan")}.items():
        image = Image.new("RGB", (32, 32), colors[1])
        ImageDraw.Draw(image).ellipse((8, 8, 24, 24), fill=colors[0])
        image.save(images / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(script: str, *arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [script, *COMMANDS[script], *arguments])
        runpy.run_path(str(ROOT / "examples" / script), run_name="__main__")


def test_the_readme_has_each_program() -> None:
    assert sorted([*COMMANDS, "letters.py"]) == SCRIPTS  # the last is in a test of the tutorial
    assert all(f"`{name}`" in README for name in [*SCRIPTS, "tour.ipynb"])


def rows_of(path: Path, side: int) -> list[bytes]:
    image = Image.open(path)
    return [image.crop((0, top, image.width, top + side)).tobytes() for top in range(0, image.height, side)]


def test_digits_have_a_row_for_each_guidance_scale(folder: Path) -> None:
    run("sample_digits.py", *FEW_STEPS, "--size", "16")
    assert Image.open("digits.png").size == (5 * 16, 3 * 16)
    rows = rows_of(folder / "digits.png", 16)
    run("sample_digits.py", *FEW_STEPS, "--size", "16", "--guidance-scales", "1", "1", "--out", "again.png")
    assert rows_of(folder / "again.png", 16) == [rows[0], rows[0]]
    assert len(set(rows)) == 3


def test_eta_0_ignores_the_seed_of_the_steps(folder: Path) -> None:
    for seed in ("1", "2"):
        run("eta_grid.py", *FEW_STEPS, "--step-seed", seed, "--out", f"{seed}.png")
    first, second = rows_of(folder / "1.png", 64), rows_of(folder / "2.png", 64)
    assert [a == b for a, b in zip(first, second, strict=True)] == [True, False, False]
    assert Image.open("1.png").size == (3 * 64, 3 * 64)


def test_eta_grid_of_a_model_of_diffusers(folder: Path) -> None:
    """Saved by diffusers alone, with β that the scheduler computes."""
    unet = UNet2DModel(
        sample_size=8,
        block_out_channels=(8,),
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
        norm_num_groups=4,
        layers_per_block=1,
    )
    DDPMPipeline(unet, DDPMScheduler(num_train_timesteps=50)).save_pretrained(folder / "mine")
    run("eta_grid.py", *FEW_STEPS, "--model", "mine")
    assert Image.open("eta_grid.png").size == (3 * 8, 3 * 8)


def test_both_paths_begin_and_end_in_the_same_images(folder: Path, capsys: pytest.CaptureFixture) -> None:
    run("slerp.py", *FEW_STEPS, "--images", "3")
    grid = Image.open("slerp.png")
    assert grid.size == (3 * 64, 2 * 64)
    tiles = [[grid.crop((x, y, x + 64, y + 64)).tobytes() for x in (0, 64, 128)] for y in (0, 64)]
    assert [a == b for a, b in zip(*tiles, strict=True)] == [True, False, True]
    norms = [float(word) for word in capsys.readouterr().out.split(": ")[-1].split()]
    assert norms[4] < 0.75 * norms[0] < 0.8 * norms[1]


def test_images_are_classified_by_the_labels(capsys: pytest.CaptureFixture) -> None:
    run("classify_folder.py")
    found = [re.split(r"\s{2,}", line) for line in capsys.readouterr().out.splitlines()]
    assert [(Path(file).stem, label) for file, _, label in found] == [
        ("0_000", "red circle on blue"),
        ("1_000", "cyan circle on tan"),
    ]
    assert all(0 < float(similarity) <= 1 for _, similarity, _ in found)


def test_the_notebook_has_no_outputs() -> None:
    nbformat.validate(NOTEBOOK)
    cells = [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]
    assert cells and all(cell.outputs == [] and cell.execution_count is None for cell in cells)


def test_the_notebook_runs(folder: Path) -> None:
    names: dict = {}
    for cell in NOTEBOOK.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, "tour.ipynb", "exec"), names)
            if "parameters" in cell.metadata.get("tags", []):
                assert names.keys() >= {"STEPS", "NUM_NOISES", "NUM_INTERPOLATED"}
                names |= {"STEPS": 2, "NUM_NOISES": 2, "NUM_INTERPOLATED": 3}
    assert names["digit_grid"].size == (5 * 96, 3 * 96)
    assert names["eta_grid"].size == (2 * 64, 3 * 64) and names["paths"].size == (3 * 64, 2 * 64)
    assert names["predicted"] == names["labels"]
