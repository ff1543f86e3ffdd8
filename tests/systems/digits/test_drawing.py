"""Variants of the same images: each equals the pipeline's sample of that digit and noise, also after a kill."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from difflab.config.diffusion import RecipeData
from difflab.data.pixels import to_uint8
from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.pipelines import DigitPipeline, UnconditionalPipeline
from difflab.systems.digits.drawing import Variant, draw_variants

DIGITS = [7, 3, 5]
STEPS: dict[str, Any] = {"num_inference_steps": 3}
GUIDED = [
    Variant("guided", 4, STEPS | {"guidance_scale": 4.0}),
    Variant("ddpm", 4, STEPS | {"sampler": "ddpm", "guidance_scale": 1.0}),
    Variant("another bank", 5, STEPS | {"guidance_scale": 4.0}),
]
PATH = Path("studies/few_steps/tiny.safetensors")


class Killed(Exception):
    pass


class Watched:
    """A pipeline that notes what it is asked for, and dies at a call if told to."""

    def __init__(self, pipeline: DigitPipeline | UnconditionalPipeline, dies_at: int | None = None):
        pipeline.set_progress_bar_config(disable=True)
        self.pipeline, self.dies_at, self.calls = pipeline, dies_at, []

    def __call__(self, **what):
        if self.dies_at == len(self.calls):
            raise Killed
        self.calls.append(what)
        return self.pipeline(**what)


@pytest.fixture
def model(digit_models, tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(digit_models["digit_and_domain"], "models/tiny"))


def draw(model: Path, dies_at: int | None = None, num_images: int = 8, batch_size: int = 3) -> list[dict]:
    """Draw the guided variants of 8 images in batches of 3, 3 and 2; returns the calls that it took."""
    pipeline = Watched(DigitPipeline.from_folder(model), dies_at)
    classes: RecipeData = {"svhn": [*DIGITS]}
    draw_variants(PATH, [batch_size], "tiny", pipeline, GUIDED, num_images, batch_size, classes)  # pyright: ignore[reportArgumentType]
    return pipeline.calls


def almost_equal(one: torch.Tensor, other: torch.Tensor) -> bool:
    """But for what batches round differently."""
    return bool((one.int() - other.int()).abs().max() <= 1)


def test_a_conditional_variant_shows_each_digit_from_each_noise(model):
    draw(model)
    drawn = load_file(PATH)
    assert {name: (images.shape, images.dtype) for name, images in drawn.items()} == {
        variant.name: ((8, 3, 8, 8), torch.uint8) for variant in GUIDED
    }
    pipeline = DigitPipeline.from_folder(model)
    pipeline.set_progress_bar_config(disable=True)
    for variant in GUIDED:
        digits, noises = [7, 3, 5, 7, 3, 5, 7, 3], [0, 0, 0, 1, 1, 1, 2, 2]
        generators = bank_generators(variant.seed, noises)
        expected = pipeline(digits, "svhn", generator=generators, output_type="pt", **variant.options).images
        assert almost_equal(drawn[variant.name], to_uint8(expected))
    assert not almost_equal(drawn["guided"], drawn["ddpm"])
    assert not almost_equal(drawn["guided"], drawn["another bank"])


def test_an_unconditional_variant_is_one_image_from_each_noise(unconditional_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(unconditional_model, "models/tiny")
    variants = [Variant("a", 4, STEPS), Variant("b", 5, STEPS)]
    pipeline = UnconditionalPipeline.from_folder(unconditional_model)
    pipeline.set_progress_bar_config(disable=True)
    draw_variants(PATH, [], "tiny", pipeline, variants, 5, 2)
    for variant in variants:
        expected = pipeline(5, generator=bank_generators(variant.seed, range(5)), output_type="pt", **STEPS).images
        assert almost_equal(load_file(PATH)[variant.name], to_uint8(expected))


def test_no_batch_is_of_two_variants_or_larger_than_asked(model):
    calls = draw(model)
    assert [len(call["digit"]) for call in calls] == [3, 3, 2] * 3
    assert [call["guidance_scale"] for call in calls] == [4.0] * 3 + [1.0] * 3 + [4.0] * 3


@pytest.mark.parametrize("dies_at", [0, 4, 8])
def test_a_kill_changes_no_byte_and_only_the_rest_is_drawn(model, dies_at):
    draw(model)
    whole = PATH.read_bytes()
    PATH.unlink()
    shutil.rmtree(".cache")
    with pytest.raises(Killed):
        draw(model, dies_at)
    assert not PATH.exists()
    assert len(draw(model)) == 9 - dies_at
    assert PATH.read_bytes() == whole
    assert not list(Path(".cache/samples").rglob("*.safetensors"))


def test_other_parameters_do_not_go_on_from_what_was_drawn(model):
    with pytest.raises(Killed):
        draw(model, dies_at=8)
    assert len(draw(model, batch_size=4)) == 6
