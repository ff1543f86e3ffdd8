"""Images of prompts, each from its own noise of the bank."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import difflab.torchvision_cure  # noqa: F401  (first: see there)

from diffusers import StableDiffusionPipeline
from torch import Tensor

from difflab.clip.tokenizer import tokenize
from difflab.params import PromptSamplingParams
from difflab.sampling.noise import bank_generators


def draw_prompts(
    pipeline: StableDiffusionPipeline,
    prompts: Sequence[str],
    seed: int,
    numbers: Iterable[int],
    params: PromptSamplingParams,
    output: Literal["pt", "latent"],
) -> Tensor:
    """Image `numbers[i]` of bank `seed` of `prompts[i]`, (N, 3, S, S) in [0, 1], or (N, C, h, w) latents of the U-Net.

    It depends on its prompt, seed and number alone. Raises UserError where the tokenizer does not know a prompt.
    """
    tokenize(pipeline.tokenizer, prompts)
    options = {"num_inference_steps": params.num_inference_steps, "guidance_scale": params.guidance_scale}
    generators = bank_generators(seed, numbers)
    drawn: Any = pipeline(list(prompts), generator=generators, output_type=output, **options)
    return drawn.images


def batches_of(count: int, size: int) -> list[range]:
    """0 … count − 1, `size` at a time."""
    return [range(start, min(start + size, count)) for start in range(0, count, size)]
