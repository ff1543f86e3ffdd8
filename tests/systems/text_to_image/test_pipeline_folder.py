"""diffusers loads the saved model; errors name what cannot be loaded; a sample depends on its noise."""

import re
import shutil
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, PNDMScheduler, StableDiffusionPipeline

from difflab.errors import UserError
from difflab.systems.text_to_image.model_folder import image_size, load_autoencoder, load_text_to_image
from difflab.systems.text_to_image.sampling import sample_prompts, set_sampler
from tests.systems.text_to_image.tiny import CAPTIONS, SAMPLING, SIZE, equal, make_pipeline, weights


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "text_to_image"
    make_pipeline().save_pretrained(folder)
    return folder


def test_the_folder_is_a_stable_diffusion_pipeline(saved):
    ours, theirs = load_text_to_image(saved), StableDiffusionPipeline.from_pretrained(saved)
    assert image_size(ours) == SIZE
    theirs.set_progress_bar_config(disable=True)
    options: dict[str, Any] = {"num_inference_steps": 2, "output_type": "pt", "return_dict": False}
    images: list[Any] = [
        pipeline(CAPTIONS[0], generator=torch.Generator().manual_seed(0), **options)[0] for pipeline in (ours, theirs)
    ]
    assert images[0].shape == (1, 3, SIZE, SIZE)
    assert torch.equal(*images)
    assert equal(weights(ours.vae), weights(load_autoencoder(saved, subfolder="vae")))


@pytest.mark.parametrize("component", ["vae", "text_encoder", "tokenizer", "unet", "scheduler"])
def test_a_missing_component_is_named(saved, tmp_path, component):
    shutil.copytree(saved, tmp_path / "model")
    shutil.rmtree(tmp_path / "model" / component)
    with pytest.raises(
        UserError, match=r"^text_to_image\.pretrained: found '.*model'.*StableDiffusionPipeline"
    ) as error:
        load_text_to_image(tmp_path / "model", "text_to_image.pretrained")
    assert "\n" not in str(error.value)


def test_a_hub_id_without_a_network_is_one_line(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"^text_to_image\.pretrained: found 'CompVis/none'") as error:
        load_text_to_image("CompVis/none", "text_to_image.pretrained")
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match=r"^text_to_image\.pretrained: found 'CompVis/none'"):
        load_autoencoder("CompVis/none", "text_to_image.pretrained", subfolder="vae")


@pytest.mark.parametrize("sampler", ["ddim", "dpmsolver++"])
def test_an_image_depends_on_its_prompt_and_noise_alone(saved, sampler):
    pipeline = load_text_to_image(saved)
    set_sampler(pipeline, sampler)
    together = sample_prompts(pipeline, CAPTIONS, range(3), SAMPLING)
    assert together.shape == (3, 3, SIZE, SIZE) and together.dtype == torch.uint8
    for number in (2, 0):
        alone = sample_prompts(pipeline, CAPTIONS[number : number + 1], [number], SAMPLING)
        assert (alone[0].int() - together[number].int()).abs().max() <= 1
    other = sample_prompts(pipeline, CAPTIONS, range(3), SAMPLING.model_copy(update={"seed": 1}))
    assert not torch.equal(other, together)


def test_latents_are_not_clipped():
    """Stable Diffusion's own scheduler says nothing of clipping, and DDIM would."""
    pipeline = make_pipeline()
    pipeline.scheduler = PNDMScheduler(num_train_timesteps=100, skip_prk_steps=True, steps_offset=1)
    set_sampler(pipeline, "ddim")
    assert isinstance(pipeline.scheduler, DDIMScheduler) and not dict(pipeline.scheduler.config)["clip_sample"]


def test_an_unknown_word_is_named(saved):
    with pytest.raises(UserError, match=re.escape("'mauve'")):
        sample_prompts(load_text_to_image(saved), ["mauve circle on blue background"], [0], SAMPLING)
