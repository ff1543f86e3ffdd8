"""Images of prompts, each from its own noise of the bank."""

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
    """Sample with DDIM (Song et al. 2020), η = 0, or DPM-Solver++ 2M (Lu et al. 2022), on the β it was trained with."""
    scheduler = SAMPLERS[name].from_config(pipeline.scheduler.config)
    if name == "ddim":
        scheduler.register_to_config(clip_sample=False)  # latents go beyond 1; true where the configuration is silent
    pipeline.scheduler = scheduler


def sample_prompts(
    pipeline: StableDiffusionPipeline | StableDiffusionControlNetPipeline,
    prompts: Sequence[str],
    numbers: Iterable[int],
    params: GuidedSamplingParams,
    **options: Any,
) -> Tensor:
    """Image `numbers[i]` of the bank of `params.seed` for `prompts[i]`: (N, 3, S, S) uint8, on the CPU.

    It depends on its prompt, the seed and its number alone. `options` go to the pipeline, of which `set_sampler` has
    set the sampler. Raises UserError where the tokenizer does not know a prompt.
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
