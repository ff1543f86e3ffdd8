"""GPU memory by calculation: what a rehearsal on a CPU allocated for a part of a batch, and what a whole one takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from difflab.data.large import fits_memory
from difflab.rehearsal.work import Work, is_of

GIB = 2**30
USABLE = 0.9  # of a card; the rest is for CUDA, its libraries and gaps between tensors


@dataclass(frozen=True)
class Need:
    """Bytes of tensors in float32. `fixed`: networks, the optimizer's state, training data; `of_image`: each at once.

    `before`: the most that preparations take, such as encoding. `whole`: images at once at full size.
    """

    fixed: int
    of_image: float
    before: int
    whole: int
    in_parts: bool  # a training, whose parts of a batch are equal

    @property
    def total(self) -> int:
        return max(round(self.fixed + self.of_image * self.whole), self.before)

    def images_within(self, size: int) -> int:
        """The most images at once with which all fits a card of `size` bytes; 0 where nothing does."""
        room = USABLE * size
        if self.before > room:
            return 0
        sizes = [n for n in range(1, self.whole + 1) if self.whole % n == 0 or not self.in_parts]
        return max((n for n in sizes if self.fixed + self.of_image * n <= room), default=0)


def need_of(measured: dict[str, Any], whole: Work, part: Work) -> Need | None:
    """`measured`: what measured.py wrote; `whole` and `part`: the work at full size, and of the rehearsal."""
    bars = [bar for bar in measured["bars"] if bar["updates"]]
    main = [bar for bar in bars if is_of(bar["description"], whole)]
    if not main:
        return None
    state = measured["optimizer_state"] if whole.unit == "step" else 0
    data = whole.data_bytes if fits_memory(whole.data_bytes) else 0  # larger data stay on the host
    fixed = max(bar["tensors"] + bar["loaded"] for bar in main) + state + data
    # The first step of a training makes the state, so that the second has it too.
    batch = max(bar["peak"] - bar["loaded"] - (state if len(bar["updates"]) > 1 else 0) for bar in main)
    before = max((_encoded(bar, whole) for bar in bars if bar not in main), default=0)
    return Need(fixed, max(batch, 0) / part.at_once, before, whole.at_once, whole.unit == "step")


def _encoded(bar: dict[str, Any], whole: Work) -> int:
    """What encoding takes with as many images at once as there are at full size; any other preparation as it is."""
    largest = max(count for _, count in bar["updates"])
    encodes = bar["description"] == "encoding"
    factor = max(whole.encoded, largest) / largest if encodes else 1.0
    return round(bar["tensors"] + bar["loaded"] + max(bar["peak"] - bar["loaded"], 0) * factor)


def fits(need: Need, sizes: Sequence[int]) -> list[str]:
    """For each card, in GiB: yes, the images at once that fit, or no."""
    found = [need.images_within(size * GIB) for size in sizes]
    return ["yes" if n == need.whole else f"{n} of {need.whole}" if n else "no" for n in found]
