"""Sampling with a ControlNet, without it, by training step and by conditioning scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import difflab.torchvision_cure  # noqa: F401  (first: see there)

from diffusers import StableDiffusionControlNetPipeline
from torch import Tensor

from difflab.data.circles import Scenes
from difflab.errors import UserError
from difflab.params import ControlSamplesParams, GuidedSamplingParams
from difflab.systems.controlnet.conditions import ONE_CIRCLE, Requests, all_requests, scaled, without
from difflab.systems.text_to_image.model_folder import image_size
from difflab.systems.text_to_image.sampling import draw_prompts


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
    return draw_prompts(pipeline, prompts, numbers, params, **options)


@dataclass(frozen=True)
class Drawing:
    """Images of `requests` from the noises `numbers`, with the weights of `snapshot`; without them if it is None."""

    name: str
    requests: Requests
    numbers: range
    snapshot: Path | None
    scale: float = 1.0

    def __len__(self) -> int:
        return len(self.numbers)

    def batches(self, size: int) -> list[Drawing]:
        """Itself in parts of `size` images."""
        starts = range(0, len(self), size)
        parts = [self.numbers[start : start + size] for start in starts]
        return [Drawing(self.name, self.requests.part(part), part, self.snapshot, self.scale) for part in parts]


def all_drawings(scenes: Scenes, params: ControlSamplesParams, snapshots: Sequence[Path]) -> list[Drawing]:
    """All groups of requests with the ControlNet and without; then some of one circle by step and by scale.

    `scenes` are held out; `snapshots` in the order of their steps, the last of them the trained ControlNet.
    """
    groups, last = all_requests(scenes, params), snapshots[-1]
    drawings = []
    for name, requests in groups.items():
        numbers = range(len(requests))
        drawings += [Drawing(name, requests, numbers, last), Drawing(without(name), requests, numbers, None)]
    numbers = range(params.num_compared)
    compared = groups[ONE_CIRCLE].part(numbers)
    drawings += [Drawing(file.stem, compared, numbers, file) for file in snapshots]
    drawings += [Drawing(scaled(scale), compared, numbers, last, scale) for scale in params.conditioning_scales]
    return drawings
