"""Images that the ControlNet guides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diffusers import StableDiffusionControlNetPipeline
from torch import Tensor

from difflab.config.language import GuidedSamplingParams
from difflab.errors import UserError
from difflab.systems.text_to_image.model_folder import image_size
from difflab.systems.text_to_image.sampling import sample_prompts


def draw_controlled(
    pipeline: StableDiffusionControlNetPipeline,
    prompts: Sequence[str],
    hints: Tensor,
    numbers: Sequence[int],
    params: GuidedSamplingParams,
    scale: float = 1.0,
) -> Tensor:
    """`draw_prompts` with `hints` (N, 3, S, S) in [0, 1], what they say multiplied by `scale`.

    Raises UserError when hints are not as large as the model's images, or the tokenizer does not know a prompt.
    """
    size = image_size(pipeline)
    if hints.shape[1:] != (3, size, size):
        channels, height, width = hints.shape[1:]
        raise UserError(f"hint: found {channels} channels of {height}×{width} pixels, allowed: 3 of {size}×{size}")
    options: dict[str, Any] = {"image": hints.to(pipeline.device), "controlnet_conditioning_scale": scale}
    return sample_prompts(pipeline, prompts, numbers, params, **options)
