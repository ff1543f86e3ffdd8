"""Sample images from prompts, each from its own noise of the bank."""

from collections.abc import Iterable, Sequence
from typing import Any

from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    StableDiffusionControlNetPipeline,
    StableDiffusionPipeline,
)
from torch import Tensor

from difflab.config.language import GuidedSamplingParams
from difflab.data.pixels import unit_to_uint8
from difflab.diffusion.noise_bank import bank_generators
from difflab.systems.zero_shot.clip import tokenize

SAMPLERS = {"ddim": DDIMScheduler, "dpmsolver++": DPMSolverMultistepScheduler}


def set_sampler(pipeline: StableDiffusionPipeline, name: str) -> None:
    """Set the sampler: DDIM (Song et al. 2020) with η = 0, or DPM-Solver++ 2M (Lu et al. 2022), with the trained β."""
    scheduler = SAMPLERS[name].from_config(pipeline.scheduler.config)
    if name == "ddim":
        scheduler.register_to_config(clip_sample=False)  # latents exceed 1; the default is true
    pipeline.scheduler = scheduler


def sample_prompts(
    pipeline: StableDiffusionPipeline | StableDiffusionControlNetPipeline,
    prompts: Sequence[str],
    numbers: Iterable[int],
    params: GuidedSamplingParams,
    **options: Any,
) -> Tensor:
    """Sample `prompts[i]` from noise `numbers[i]` of the bank with seed `params.seed`: (N, 3, S, S) uint8 on the CPU.

    An image depends only on its prompt, the seed and its number. `pipeline`: after `set_sampler`; `options` are passed
    to it. Raises UserError when the tokenizer does not know a word of a prompt.
    """
    tokenize(pipeline.tokenizer, prompts)
    drawn: Any = pipeline(
        list(prompts),
        generator=bank_generators(params.seed, numbers),
        num_inference_steps=params.num_inference_steps,
        guidance_scale=params.guidance_scale,
        output_type="pt",
        **options,
    )
    return unit_to_uint8(drawn.images).cpu()
