"""The figures of recipes: their images, positions and labels."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file

from difflab.classifiers import digit_classifier as judge
from difflab.data.pixels import to_pil
from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.objective import DenoisingTask
from difflab.diffusion.pipelines import DigitPipeline, UnconditionalPipeline
from difflab.diffusion.schedules import linear_betas
from difflab.diffusion.unet import make_unet, save_model_folder
from difflab.errors import UserError
from difflab.figures import image_grid
from difflab.models.conditioning import ClassEmbeddingCondition
from stages.digits import process_grid, same_noise, successes_failures, training_gif
from tests.factories import network, profile
from tests.stage_calls import run_stage

SIZE = 8
BETAS = linear_betas(14, 1e-2, 0.4)
NETWORK = network()


@dataclass
class Drawn:
    """What a stage gave to be drawn."""

    panels: list[image_grid.Panel]
    title: str


@pytest.fixture
def drawn(monkeypatch) -> list[Drawn]:
    """All grids that are drawn; they still are, but small, which is faster."""
    grids = []
    draw = image_grid.plot_image_grid

    def record(panels, title, scale=None):
        grids.append(Drawn(panels, title))
        return draw(panels, title, image_grid.SCREEN)

    monkeypatch.setattr(image_grid, "plot_image_grid", record)
    return grids


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Path:
    """The parameters of the smoke profile."""
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(profile("smoke")))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def change_params(**sections: dict) -> None:
    """Update sections of params.yaml, named by their keys with "__" for "." and "_" for "-"."""
    params = yaml.safe_load(Path("params.yaml").read_text())
    for key, values in sections.items():
        section = params
        for part in key.split("__"):
            section = section[part if part in section else part.replace("_", "-")]
        section |= values
    Path("params.yaml").write_text(yaml.safe_dump(params))


def write_model(recipe: str, seed: int) -> DenoisingTask:
    """A random model as stages/train.py writes it; unconditional for that recipe."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if recipe == "unconditional-800":
            unet, condition = make_unet(NETWORK, SIZE, conditional=False), None
        else:
            unet = make_unet(NETWORK, SIZE, conditional=True)
            condition = ClassEmbeddingCondition(["mnistm"], unet.time_embedding.linear_2.out_features)
    folder = Path("models", recipe)
    if condition:
        save_model_folder(folder, "DigitPipeline", {"unet": unet, "condition": condition}, BETAS)
    else:
        save_model_folder(folder, "UnconditionalPipeline", {"unet": unet}, BETAS)
    return DenoisingTask(unet, BETAS, "epsilon", 1, condition)


def same(one: Image.Image, other: Image.Image) -> bool:
    """But for what threads and batches round differently."""
    return bool(np.abs(np.asarray(one).astype(int) - np.asarray(other)).max() <= 1)


def test_process_grid_goes_through_all_steps_from_the_noise_bank(workspace, monkeypatch, drawn):
    write_model("unconditional-800", seed=0)
    change_params(recipes__unconditional_800__sampling={"seed": 3, "steps_offset": 1, "timestep_spacing": "leading"})
    run_stage(process_grid, "unconditional-800")
    ((grid,),) = [figure.panels for figure in drawn]
    assert grid.column_labels == [f"t = {t}" for t in (14, 12, 10, 8, 6, 4, 2, 0)]
    assert (len(grid.rows), {len(row) for row in grid.rows}) == (8, {8})

    generators = bank_generators(3, range(8))
    noises = to_pil(torch.cat([torch.randn(1, 3, SIZE, SIZE, generator=generator) for generator in generators]))
    pipeline = UnconditionalPipeline.from_folder(Path("models/unconditional-800"))
    digits = pipeline(8, generator=bank_generators(3, range(8)), sampler="ddpm", num_inference_steps=14).images
    for row, noise, digit in zip(grid.rows, noises, digits, strict=True):
        assert row[0] == noise
        assert same(row[-1], digit)
    assert Image.open("figures/process_unconditional-800.png").info["Stage"] == "process_grid"


def test_training_gif_draws_the_same_noises_with_each_snapshot(workspace, monkeypatch, drawn):
    change_params(recipes__mnistm_linear__training={"batch_size": 16})
    change_params(recipes__mnistm_linear__sampling={"timestep_spacing": "leading", "steps_offset": 1})
    folder = Path("models/mnistm-linear/snapshots")
    states = {step: write_model("mnistm-linear", seed=step).state_dict() for step in (5, 1000)}  # the last one stays
    folder.mkdir()
    for step, state in states.items():
        save_file(state, folder / f"step_{step:06d}.safetensors")
    run_stage(training_gif, "mnistm-linear")

    first, last = drawn
    assert first.title == "mnistm-linear after 80 images (step 5)"
    assert last.title == "mnistm-linear after 16,000 images (step 1,000)"
    for figure in drawn:
        (grid,) = figure.panels
        assert grid.row_labels == [f"{digit}  mnistm" for digit in range(10)]
        assert {len(row) for row in grid.rows} == {8}
    params = yaml.safe_load(Path("params.yaml").read_text())
    pipeline = DigitPipeline.from_folder(Path("models/mnistm-linear"))
    expected = pipeline(
        7,
        "mnistm",
        generator=bank_generators(0, [2]),
        guidance_scale=params["recipes"]["mnistm-linear"]["sampling"]["guidance_scale"],
        sampler="dpmsolver++",
        num_inference_steps=params["studies"]["training_gif"]["num_inference_steps"],
    ).images[0]
    assert same(last.panels[0].rows[7][2], expected)
    assert not same(first.panels[0].rows[7][2], expected)

    animation = Image.open("figures/training_mnistm-linear.gif")
    assert animation.n_frames == 2  # pyright: ignore[reportAttributeAccessIssue]
    assert b"Stage: training_gif" in animation.info["comment"]


def test_training_gif_without_snapshots_is_one_line(workspace, monkeypatch):
    write_model("mnistm-linear", seed=0)
    with pytest.raises(UserError, match=r"^models/mnistm-linear/snapshots: found nothing, allowed: what recipes\."):
        run_stage(training_gif, "mnistm-linear")


class KnownJudge(judge.DigitClassifier):
    """Sees the digit that an image's red says, as surely as its green says."""

    def probabilities(self, images, batch_size=500):
        digits, confidence = images[:, 0, 0, 0].long() // 20, images[:, 1, 0, 0] / 255
        others = ((1 - confidence) / 9)[:, None].repeat(1, 10)
        return others.scatter(1, digits[:, None], confidence[:, None])


def test_successes_and_failures_are_the_ends_of_the_ranking(workspace, monkeypatch, drawn):
    Path("models/judges/mnist").mkdir(parents=True)
    monkeypatch.setattr(judge, "load_digit_classifier", lambda folder: KnownJudge())
    folder = Path("samples/unconditional-800/mnist")
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    table = {}
    for number in range(1, 61):
        digit, green = int(rng.choice([0, 3, 9], p=[0.1, 0.6, 0.3])) if number > 1 else 5, 100 + 2 * number
        file = folder / f"{number:03d}.png"
        Image.fromarray(np.full((8, 8, 3), (20 * digit, green, 0), np.uint8)).save(file)
        table[file] = digit, f"{digit}   {green / 255:.1%}"
    run_stage(successes_failures, "unconditional-800")

    ((successes, failures),) = [figure.panels for figure in drawn]
    best = [file for d in range(10) for file in [f for f in reversed(table) if table[f][0] == d][:2]]
    assert len(best) == 7  # one of the images is a 5
    assert [file for row in successes.rows for file in row] == best
    assert [file for row in failures.rows for file in row] == list(table)[:20]
    for panel in (successes, failures):
        captions = [[table[file][1] for file in row] for row in panel.rows]
        assert captions == panel.captions
    assert "60 samples" in drawn[0].title


def test_too_few_samples_to_rank_are_one_line(workspace, monkeypatch):
    with pytest.raises(UserError, match=r"^samples/unconditional-800/mnist: found no NNN\.png, allowed: "):
        run_stage(successes_failures, "unconditional-800")
    write_samples("unconditional-800", "mnist", "")
    with pytest.raises(UserError, match=r"^samples/unconditional-800/mnist: found 10 images, allowed: 20 and above$"):
        run_stage(successes_failures, "unconditional-800")


def write_samples(recipe: str, domain: str, *prefixes: str, root: str = "samples") -> None:
    folder = Path(root, recipe, domain)
    folder.mkdir(parents=True)
    for prefix in prefixes:
        for number in range(1, 11):
            Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / f"{prefix}{number:03d}.png")


def test_same_noise_shows_each_recipe_with_a_digit_that_most_know(workspace, monkeypatch, drawn):
    recipes = yaml.safe_load(Path("params.yaml").read_text())["recipes"]
    sixth = recipes["joint-cosine"] | {"data": {"svhn": [5, 6]}}
    change_params(recipes={"sixth": sixth})
    for recipe, domain, prefix in (
        shown := [
            ("unconditional-800", "mnist", ""),
            ("joint-cosine", "mnistm", "4_"),
            ("mnistm-linear", "mnistm", "4_"),
            ("onehot-350", "mnistm", "4_"),
            ("alpha-500", "mnistm", "4_"),
            ("joint-cosine", "svhn", "5_"),
            ("onehot-350", "svhn", "5_"),
            ("alpha-500", "svhn", "5_"),
            ("sixth", "svhn", "5_"),
        ]
    ):
        write_samples(recipe, domain, prefix, root="studies/same_noise")
    run_stage(same_noise)
    ((grid,),) = [figure.panels for figure in drawn]
    rows = {
        (label.splitlines()[0], label.splitlines()[1]): [str(file) for file in row]
        for label, row in zip(grid.row_labels, grid.rows, strict=True)
    }
    assert len(rows) == len(shown)
    for recipe, domain, prefix in shown:
        name = f"{domain}, digit {prefix[0]}" if prefix else domain
        assert rows[recipe, name] == [f"studies/same_noise/{recipe}/{domain}/{prefix}{k:03d}.png" for k in range(1, 11)]
    assert drawn[0].title == "Each recipe from the same ten noises"

    change_params(recipes__sixth__sampling={"seed": 1})
    run_stage(same_noise)
    assert drawn[1].title == "Each recipe from ten noises, not the same: the seeds differ"


def test_equal_runs_make_equal_files(workspace, monkeypatch, drawn):
    write_model("unconditional-800", seed=0)
    run_stage(process_grid, "unconditional-800")
    before = Path("figures/process_unconditional-800.png").read_bytes()
    run_stage(process_grid, "unconditional-800")
    assert Path("figures/process_unconditional-800.png").read_bytes() == before
