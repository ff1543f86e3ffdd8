"""Images of prompts on Stable Diffusion 1.4's own classes, in float32 on the CPU."""

import pytest
import torch
from stable_diffusion import make_pipeline

from difflab.config.language import GuidedSamplingParams
from difflab.diffusion.noise_bank import bank_generators
from difflab.errors import UserError
from difflab.systems.personalization.weights import add_tokens
from difflab.systems.text_to_image.sampling import sample_prompts, set_sampler

PROMPTS = ["a <new1> next to a <new2>", "a <new1> in the style of <new2>", "a <new1>"]
SAMPLING = GuidedSamplingParams(seed=3, sampler="ddim", num_inference_steps=4, guidance_scale=5.0, batch_size=2)


@pytest.fixture(scope="module")
def pipeline():
    pipeline = make_pipeline()
    add_tokens(pipeline, {"<new1>": "red", "<new2>": "dog"})
    set_sampler(pipeline, SAMPLING.sampler)
    return pipeline


def assert_near(images: torch.Tensor, expected: torch.Tensor) -> None:
    """Equal but for rounding, of 255 levels."""
    torch.testing.assert_close(images.float(), expected.float(), rtol=0, atol=1)


def test_an_image_depends_on_prompt_seed_and_number_alone(pipeline):
    together = sample_prompts(pipeline, PROMPTS, [0, 4, 7], SAMPLING)
    assert together.shape == (3, 3, 64, 64) and together.dtype == torch.uint8 and together.float().std() > 10
    for prompt, number, image in zip(PROMPTS, [0, 4, 7], together, strict=True):
        assert_near(sample_prompts(pipeline, [prompt], [number], SAMPLING)[0], image)
    other_noises = sample_prompts(pipeline, PROMPTS, [0, 4, 7], SAMPLING.model_copy(update={"seed": 4}))
    assert (other_noises.float() - together.float()).abs().amax((1, 2, 3)).min() > 10


def test_images_are_those_of_the_pipeline_itself(pipeline):
    drawn = sample_prompts(pipeline, PROMPTS[1:2], [4], SAMPLING)
    options = {"num_inference_steps": 4, "guidance_scale": 5.0, "output_type": "pt"}
    images = pipeline(PROMPTS[1], generator=bank_generators(3, [4]), **options).images
    assert_near(drawn, (images * 255).round())


def test_attention_slicing_changes_nothing_but_memory(pipeline):
    whole = sample_prompts(pipeline, PROMPTS, range(3), SAMPLING)
    pipeline.enable_attention_slicing(1)
    processors = {type(processor).__name__ for processor in pipeline.unet.attn_processors.values()}
    sliced = sample_prompts(pipeline, PROMPTS, range(3), SAMPLING)
    pipeline.disable_attention_slicing()
    assert processors == {"SlicedAttnProcessor"}
    assert_near(sliced, whole)


def test_a_prompt_that_is_too_long_is_one_line(pipeline):
    with pytest.raises(UserError, match=r"found 82 tokens with begin and end, allowed: at most 77"):
        sample_prompts(pipeline, ["a " * 80], [0], SAMPLING)
