"""Which images are drawn: every group of requests with the ControlNet and without, and what it is compared by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from difflab.config.language import ControlSamplesParams
from difflab.data.circles import Scenes
from difflab.systems.controlnet.conditions import ONE_CIRCLE, Conditions, all_conditions, scaled, without


@dataclass(frozen=True)
class Drawing:
    """Images of `requests` from the noises `numbers`, with the weights of `snapshot`; without them if it is None."""

    name: str
    requests: Conditions
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
    groups, last = all_conditions(scenes, params), snapshots[-1]
    drawings = []
    for name, requests in groups.items():
        numbers = range(len(requests))
        drawings += [Drawing(name, requests, numbers, last), Drawing(without(name), requests, numbers, None)]
    numbers = range(params.num_compared)
    compared = groups[ONE_CIRCLE].part(numbers)
    drawings += [Drawing(file.stem, compared, numbers, file) for file in snapshots]
    drawings += [Drawing(scaled(scale), compared, numbers, last, scale) for scale in params.conditioning_scales]
    return drawings
