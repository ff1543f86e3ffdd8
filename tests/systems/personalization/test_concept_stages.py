"""The whole path of the paper profile, but for sizes and budgets, on Stable Diffusion 1.4's own classes."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from safetensors.torch import load_file
from stable_diffusion import make_pipeline, save_clip

from difflab.cli import profile
from difflab.data.circles import paint, render_images
from difflab.data.pixels import to_uint8
from difflab.errors import UserError
from difflab.systems.personalization.paths import METHODS
from difflab.training.fit import fit
from stages.personalization import concept, custom_diffusion, invert, multi_concept, sample_multi_concept
from tests.stage_calls import run_stage

ROOT = Path(__file__).parents[3]
SHORT = (
    "compute.threads=1",
    "personalization.num_runs=2",
    "personalization.inversion.num_epochs=1",
    "personalization.custom_diffusion.prior.num_images=2",
    "personalization.custom_diffusion.training.num_epochs=1",
    "personalization.custom_diffusion.training.learning_rate=0.1",
    "personalization.sampling.num_inference_steps=2",
    "personalization.multi_concept.num_images=3",
)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make_pipeline().save_pretrained(folder / "text_to_image")
    save_clip(folder / "clip")
    return folder


@pytest.fixture
def workspace(models, tmp_path, monkeypatch) -> Path:
    """A repository with both models and the photographs that the paper profile names."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    (tmp_path / "models").mkdir()
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/targets.yaml").symlink_to(ROOT / "metrics/targets.yaml")
    for name in ("text_to_image", "clip"):
        (tmp_path / "models" / name).symlink_to(models / name)
    for color, name in (("orange", "cat2"), ("navy", "dog6")):
        (tmp_path / "concepts" / name).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (80, 64 + number), color).save(tmp_path / f"concepts/{name}/{number:02d}.jpg")
    profile("paper", list(SHORT))
    return tmp_path


def train(monkeypatch) -> None:
    for name in ("cat2", "dog6"):
        run_stage(concept, name)
        run_stage(invert, name)
    run_stage(custom_diffusion)


def contents(*folders: str) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for folder in folders for path in sorted(Path(folder).rglob("*.*"))}


def test_the_whole_path_of_the_paper_profile(workspace, monkeypatch):
    train(monkeypatch)
    for stage in (sample_multi_concept, multi_concept):
        run_stage(stage)

    group = Path("models/custom_diffusion/cat2_and_dog6")
    assert {str(path) for path in Path("models/custom_diffusion").rglob("*.safetensors")} == {
        str(group / f"run_{run}" / file)
        for run in range(2)
        for file in (
            "cross_attention.safetensors",
            "cat2/learned_embeds.safetensors",
            "dog6/learned_embeds.safetensors",
        )
    }
    first, second = (load_file(group / f"run_{run}/cross_attention.safetensors") for run in range(2))
    assert all((first[name] != second[name]).any() for name in first)
    pipeline = StableDiffusionPipeline.from_pretrained("models/text_to_image")
    for name, token in (("cat2", "<new1>"), ("dog6", "<new2>")):
        pipeline.load_textual_inversion(f"models/inversion/{name}/run_1")
        [(found, embedding)] = load_file(f"models/inversion/{name}/run_1/learned_embeds.safetensors").items()
        assert found == token and embedding.isfinite().all()
    samples = contents("samples")
    assert set(samples) == {
        f"samples/multi_concept/{method}/prompt_{prompt}/{number:03d}.png"
        for method in ("words/run_0", *(f"{method}/run_{run}" for method in METHODS[1:] for run in range(2)))
        for prompt in range(2)
        for number in range(3)
    }
    assert len(set(samples.values())) == 30  # each prompt, method, run and noise has an image of its own
    metrics = json.loads(Path("metrics/multi_concept.json").read_text())
    assert metrics["control"] == {} and "overall" not in metrics
    assert metrics["pairs"].keys() == {"cat2_and_dog6"} and "difference" not in metrics["pairs"]["cat2_and_dog6"]
    for method in METHODS:
        grades = metrics["pairs"]["cat2_and_dog6"][method]
        assert grades["shows"] == {} and set(grades["clip_image"]) == {"cat2", "dog6"} and "both" not in grades
        assert -1 <= grades["clip_text"]["value"] <= 1
        assert ("low" in grades["clip_text"]) == (method != "words")
    assert Image.open("figures/multi_concept.png").info["Stage"] == "multi_concept"

    before = contents("models/inversion", "models/custom_diffusion", "samples", "metrics", "figures")
    for folder in ("models/inversion", "models/custom_diffusion", "samples", "figures", ".cache"):
        shutil.rmtree(folder)
    Path("metrics/multi_concept.json").unlink()
    train(monkeypatch)
    for stage in (sample_multi_concept, multi_concept):
        run_stage(stage)
    assert contents("models/inversion", "models/custom_diffusion", "samples", "metrics", "figures") == before


def test_images_and_prompts_of_the_course_file(workspace, monkeypatch):
    entries = {
        "0": {"src_image": "concepts/cat2", "token_name": "<new1>", "prompt": ["a <new1>"]},
        "1": {"src_image": "concepts/dog6", "token_name": "<new2>", "prompt": ["a <new2> next to a <new1>"]},
    }
    Path("input.json").write_text(json.dumps(entries))
    no_images = [f"personalization.concepts.{name}.images=null" for name in ("cat2", "dog6")]
    profile("paper", [*SHORT, "personalization.input=input.json", *no_images])
    train(monkeypatch)
    for stage in (sample_multi_concept, multi_concept):
        run_stage(stage)
    metrics = json.loads(Path("metrics/multi_concept.json").read_text())
    assert metrics["pairs"].keys() == {"cat2_and_dog6"}  # which also samples the prompt of one concept
    assert set(metrics["pairs"]["cat2_and_dog6"]["custom_diffusion"]["clip_image"]) == {"cat2", "dog6"}
    assert len(contents("samples/multi_concept/custom_diffusion/run_1/prompt_0")) == 3


def test_a_killed_stage_keeps_finished_runs(workspace, monkeypatch):
    """The second run of the first group fails before its training: then only that one is trained."""
    trained = []

    def counted(task, data, params, accelerator, checkpoint, **options):
        trained.append((checkpoint.folder.name.rpartition("-")[0], checkpoint.load() is not None))
        if len(trained) == 2:
            raise KeyboardInterrupt
        fit(task, data, params, accelerator, checkpoint, **options)

    for name in ("cat2", "dog6"):
        run_stage(concept, name)
    monkeypatch.setattr("difflab.systems.personalization.custom_diffusion.fit", counted)
    with pytest.raises(KeyboardInterrupt):
        run_stage(custom_diffusion)
    assert not Path("models/custom_diffusion").exists()
    run_stage(custom_diffusion)
    names = [f"custom_diffusion-cat2_and_dog6-{seed}" for seed in (0, 1)]
    assert trained == [(names[0], False), (names[1], False), (names[0], True), (names[1], False)]
    resumed = contents("models/custom_diffusion")
    shutil.rmtree(".cache")
    run_stage(custom_diffusion)
    assert contents("models/custom_diffusion") == resumed


def test_shares_and_their_difference_are_of_the_images(workspace, monkeypatch):
    """Custom Diffusion: both colors in all images of the first prompt of the first pair; textual inversion: in one of
    three, in its second run in none. Elsewhere all images show dark sea green and red."""
    names = ("dark-sea-green", "dodger-blue", "plum")
    profile("cpu", [*SHORT, "personalization.circles.size=64", "personalization.circles.num_images=4"])
    for name in names:
        run_stage(concept, name)
    geometry = torch.tensor([[[0.3, 0.3, 0.2], [0.7, 0.7, 0.2]]])
    both, one = (
        Image.fromarray(
            to_uint8(render_images(geometry, paint(["dark sea green", other, "white"])[None], 64))[0]
            .permute(1, 2, 0)
            .numpy()
        )
        for other in ("dodger blue", "red")
    )
    shown = {
        ("custom_diffusion", 0): [both] * 3,
        ("custom_diffusion", 1): [both] * 3,
        ("textual_inversion", 0): [both, one, one],
        ("textual_inversion", 1): [one] * 3,
        ("words", 0): [one] * 3,
    }
    for (method, run), images in shown.items():
        for prompt in range(6):
            folder = Path(f"samples/multi_concept/{method}/run_{run}/prompt_{prompt}")
            folder.mkdir(parents=True)
            for number, image in enumerate(images if prompt == 0 else [one] * 3):
                image.save(folder / f"{number:03d}.png")
    run_stage(multi_concept)
    metrics = json.loads(Path("metrics/multi_concept.json").read_text())
    pairs = metrics["pairs"]
    first, second, third = "dark-sea-green_and_dodger-blue", "dark-sea-green_and_plum", "dodger-blue_and_plum"
    assert list(pairs) == [first, second, third]
    ours, theirs = (pairs[first][method] for method in ("custom_diffusion", "textual_inversion"))
    assert ours["both"]["value"] == 1 / 2 and theirs["both"]["runs"] == pytest.approx([1 / 6, 0])
    assert theirs["prompts"]["a <new1> next to a <new2>"]["value"] == pytest.approx(1 / 6)
    assert theirs["prompts"]["a <new1> in the style of <new2>"]["value"] == 0
    assert theirs["shows"]["dark-sea-green"]["value"] == 1 and theirs["both"]["low"] == 0
    assert theirs["shows"]["dodger-blue"]["value"] == pytest.approx(1 / 12)
    assert pairs[first]["words"]["both"] == {"value": 0, "runs": [0]}
    assert pairs[first]["difference"]["runs"] == pytest.approx([1 / 3, 1 / 2])
    assert pairs[third]["custom_diffusion"]["shows"]["plum"]["value"] == pairs[second]["difference"]["value"] == 0
    overall = metrics["overall"]
    assert overall["difference"]["value"] == overall["difference_over_runs"]["value"] == pytest.approx(5 / 36)
    assert overall["difference"]["low"] < 0 < overall["difference"]["high"]
    assert overall["custom_diffusion"]["both"]["value"] == pytest.approx(1 / 6)
    for name in names:
        control = metrics["control"][name]
        assert (control["own_images"]["value"], control["images_of_others"]["value"]) == (1, 0)


def test_what_is_missing_is_one_line_before_any_training(workspace, monkeypatch):
    shutil.rmtree("concepts/cat2")
    with pytest.raises(UserError, match=r"^concepts/cat2: no such folder$"):
        run_stage(concept, "cat2")
    with pytest.raises(UserError, match=r"^prepared/concepts/cat2\.safetensors: not found$"):
        run_stage(invert, "cat2")
    run_stage(concept, "dog6")
    Path("models/text_to_image").unlink()
    shutil.copytree((workspace / "conf").resolve(), "models/text_to_image")
    with pytest.raises(UserError, match=r"^models/text_to_image: found no text-to-image model that can be read"):
        run_stage(invert, "dog6")
    assert not Path("models/inversion").exists() and not Path(".cache").exists()
