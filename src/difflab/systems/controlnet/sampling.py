"""Sampling with and without a ControlNet, by training step and by conditioning scale."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from diffusers import StableDiffusionControlNetPipeline
from safetensors.torch import save_file
from torch import Tensor, cat

from difflab.config.language import ControlSamplesParams, GuidedSamplingParams
from difflab.errors import UserError
from difflab.systems.controlnet.conditions import Conditions, scaled, without
from difflab.systems.text_to_image.model_folder import image_size
from difflab.systems.text_to_image.sampling import sample_prompts


def sample_controlled(
    pipeline: StableDiffusionControlNetPipeline,
    prompts: Sequence[str],
    hints: Tensor,
    numbers: Sequence[int],
    params: GuidedSamplingParams,
    scale: float = 1.0,
) -> Tensor:
    """`sample_prompts` with conditioning images `hints` (N, 3, S, S) in [0, 1] and the conditioning scale `scale`.

    Raises UserError when S is not the model's image size, or the tokenizer does not know a word of a prompt.
    """
    size = image_size(pipeline)
    if hints.shape[1:] != (3, size, size):
        channels, height, width = hints.shape[1:]
        raise UserError(f"hint: found {channels} channels of {height}×{width} pixels, allowed: 3 of {size}×{size}")
    options: dict[str, Any] = {"image": hints.to(pipeline.device), "controlnet_conditioning_scale": scale}
    return sample_prompts(pipeline, prompts, numbers, params, **options)


@dataclass(frozen=True)
class SampleSet:
    """Samples for `requests` from the noises `numbers`, with the ControlNet of `snapshot`, or without one if None."""

    name: str
    requests: Conditions
    numbers: range
    snapshot: Path | None
    scale: float = 1.0

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, part: slice) -> Self:
        positions = range(len(self))[part]
        return replace(self, requests=self.requests.part(positions), numbers=self.numbers[part])

    def batches(self, size: int) -> list[Self]:
        """This set in batches of `size` images."""
        return [self[start : start + size] for start in range(0, len(self), size)]


def all_sample_sets(
    groups: Mapping[str, Conditions], params: ControlSamplesParams, snapshots: Sequence[Path]
) -> list[SampleSet]:
    """All groups with and without the ControlNet, then the first images of the first group by training step and scale.

    `snapshots`: ordered by step; the last has the final weights.
    """
    last = snapshots[-1]
    sample_sets = []
    for name, requests in groups.items():
        numbers = range(len(requests))
        sample_sets += [SampleSet(name, requests, numbers, last), SampleSet(without(name), requests, numbers, None)]
    numbers = range(params.num_compared)
    compared = next(iter(groups.values())).part(numbers)
    sample_sets += [SampleSet(file.stem, compared, numbers, file) for file in snapshots]
    sample_sets += [SampleSet(scaled(scale), compared, numbers, last, scale) for scale in params.conditioning_scales]
    return sample_sets


def save_images(folder: Path, batches: Iterable[tuple[str, Tensor]]) -> None:
    """Write batches (N, 3, S, S) uint8, given with the names of their groups, to `folder`, one file for each group."""
    groups: dict[str, list[Tensor]] = {}
    for name, images in batches:
        groups.setdefault(name, []).append(images)
    folder.mkdir()
    for name, parts in groups.items():
        save_file({"images": cat(parts)}, folder / f"{name}.safetensors")
