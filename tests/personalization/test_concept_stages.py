"""The whole path of the paper profile, but for sizes and budgets, on Stable Diffusion 1.4's own classes."""

import json
import shutil
import sys
from pathlib import Path

import difflab.torchvision_cure  # noqa: F401  (first: see there)

import pytest
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from safetensors.torch import load_file
from stable_diffusion import make_pipeline, save_clip

from difflab.circles.rendering import draw_images, to_bytes
from difflab.circles.scenes import paint
from difflab.cli import profile
from difflab.errors import UserError
from stages import concept, custom_diffusion, invert, multi_concept, sample_multi_concept

ROOT = Path(__file__).parents[2]
SHORT = (
    "compute.threads=1",
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
    for colour, name in (("orange", "cat2"), ("navy", "dog6")):
        (tmp_path / "concepts" / name).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (80, 64 + number), colour).save(tmp_path / f"concepts/{name}/{number:02d}.jpg")
    profile("paper", list(SHORT))
    return tmp_path


def run_stage(monkeypatch, stage, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", [stage.__name__, *arguments])
    stage.main()


def train(monkeypatch) -> None:
    for name in ("cat2", "dog6"):
        run_stage(monkeypatch, concept, name)
        run_stage(monkeypatch, invert, name)
    run_stage(monkeypatch, custom_diffusion)


def contents(*folders: str) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for folder in folders for path in sorted(Path(folder).rglob("*.*"))}


def test_the_whole_path_of_the_paper_profile(workspace, monkeypatch):
    train(monkeypatch)
    for stage in (sample_multi_concept, multi_concept):
        run_stage(monkeypatch, stage)

    assert {str(path) for path in Path("models/custom_diffusion").rglob("*.safetensors")} == {
        "models/custom_diffusion/cross_attention.safetensors",
        "models/custom_diffusion/cat2/learned_embeds.safetensors",
        "models/custom_diffusion/dog6/learned_embeds.safetensors",
    }
    pipeline = StableDiffusionPipeline.from_pretrained("models/text_to_image")
    for name, token in (("cat2", "<new1>"), ("dog6", "<new2>")):
        pipeline.load_textual_inversion(f"models/inversion/{name}")
        [(found, embedding)] = load_file(f"models/inversion/{name}/learned_embeds.safetensors").items()
        assert found == token and embedding.isfinite().all()
    prompts = ["a <new1> next to a <new2>", "a <new1> in the style of <new2>"]
    samples = contents("samples")
    assert set(samples) == {
        f"samples/multi_concept/{method}/prompt_{prompt}/{number:03d}.png"
        for method in ("words", "textual_inversion", "custom_diffusion")
        for prompt in range(2)
        for number in range(3)
    }
    assert len(set(samples.values())) == 18  # each prompt, method and noise has an image of its own
    metrics = json.loads(Path("metrics/multi_concept.json").read_text())
    assert metrics["protocol"]["prompts"] == prompts and metrics["control"] == {} and "difference" not in metrics
    for method in ("words", "textual_inversion", "custom_diffusion"):
        for prompt in prompts:
            grades = metrics[method]["prompts"][prompt]
            assert grades["shows"] == {} and set(grades["clip_image"]) == {"cat2", "dog6"}
            assert -1 <= grades["clip_text"]["low"] <= grades["clip_text"]["value"] <= grades["clip_text"]["high"] <= 1
    assert Image.open("figures/multi_concept.png").info["Stage"] == "multi_concept"

    before = contents("models/inversion", "models/custom_diffusion", "samples", "metrics", "figures")
    for folder in ("models/inversion", "models/custom_diffusion", "samples", "figures", ".cache"):
        shutil.rmtree(folder)
    Path("metrics/multi_concept.json").unlink()
    train(monkeypatch)
    for stage in (sample_multi_concept, multi_concept):
        run_stage(monkeypatch, stage)
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
        run_stage(monkeypatch, stage)
    metrics = json.loads(Path("metrics/multi_concept.json").read_text())
    grades = metrics["custom_diffusion"]["prompts"]
    assert list(grades) == metrics["protocol"]["prompts"] == ["a <new1>", "a <new2> next to a <new1>"]
    assert set(grades["a <new1>"]["clip_image"]) == {"cat2"}


def test_shares_and_their_difference_are_of_the_images(workspace, monkeypatch):
    """Custom Diffusion: both colours in all images of the first prompt; textual inversion: in one of three."""
    concepts = ("dark-orange", "plum")
    profile("cpu", [*SHORT, "personalization.circles.size=64", "personalization.circles.num_images=4"])
    for name in concepts:
        run_stage(monkeypatch, concept, name)
    geometry = torch.tensor([[[0.3, 0.3, 0.2], [0.7, 0.7, 0.2]]])
    pictures = {
        colours: Image.fromarray(
            to_bytes(draw_images(geometry, paint([*colours, "white"])[None], 64))[0].permute(1, 2, 0).numpy()
        )
        for colours in (("dark orange", "plum"), ("dark orange", "red"))
    }
    both, one = pictures.values()
    for method, images in (
        ("custom_diffusion", [both] * 3),
        ("textual_inversion", [both, one, one]),
        ("words", [one] * 3),
    ):
        for prompt, shown in enumerate([images, [one] * 3]):
            folder = Path(f"samples/multi_concept/{method}/prompt_{prompt}")
            folder.mkdir(parents=True)
            for number, image in enumerate(shown):
                image.save(folder / f"{number:03d}.png")
    run_stage(monkeypatch, multi_concept)
    metrics = json.loads(Path("metrics/multi_concept.json").read_text())
    ours, theirs = (metrics[method] for method in ("custom_diffusion", "textual_inversion"))
    first, second = metrics["protocol"]["prompts"]
    assert ours["all_concepts"]["value"] == 3 / 6 and theirs["all_concepts"]["value"] == 1 / 6
    assert theirs["prompts"][first]["all_concepts"]["value"] == pytest.approx(1 / 3)
    assert theirs["prompts"][first]["shows"]["dark-orange"]["value"] == 1
    assert theirs["prompts"][second]["shows"]["plum"]["value"] == 0
    difference = metrics["difference"]
    assert difference["value"] == pytest.approx(2 / 6) and (difference["only_ours"], difference["neither"]) == (2, 3)
    for name in concepts:
        control = metrics["control"][name]
        assert (control["own_images"]["value"], control["images_of_others"]["value"]) == (1, 0)


def test_what_is_missing_is_one_line_before_any_training(workspace, monkeypatch):
    shutil.rmtree("concepts/cat2")
    with pytest.raises(UserError, match=r"^concepts/cat2: no such folder$"):
        run_stage(monkeypatch, concept, "cat2")
    with pytest.raises(UserError, match=r"^prepared/concepts/cat2\.safetensors: not found$"):
        run_stage(monkeypatch, invert, "cat2")
    run_stage(monkeypatch, concept, "dog6")
    Path("models/text_to_image").unlink()
    shutil.copytree((workspace / "conf").resolve(), "models/text_to_image")
    with pytest.raises(UserError, match=r"^models/text_to_image: found no text-to-image model that can be read"):
        run_stage(monkeypatch, invert, "dog6")
    assert not Path("models/inversion").exists() and not Path(".cache").exists()
