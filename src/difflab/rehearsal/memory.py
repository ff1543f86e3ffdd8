"""Estimated GPU memory: extrapolates the memory for part of a batch, measured on a CPU, to a whole batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from difflab.data.large import fits_memory
from difflab.rehearsal.work import Work, is_of

GIB = 2**30
USABLE = 0.9  # share of a card; the rest is for CUDA, its libraries and fragmentation


@dataclass(frozen=True)
class Need:
    """Bytes of tensors in float32. `fixed`: networks, optimizer state, training data; `of_image`: per image at once.

    `before`: the peak of preparations such as encoding. `whole`: images at once at full size.
    """

    fixed: int
    of_image: float
    before: int
    whole: int
    in_parts: bool  # a training, which splits a batch into equal parts

    @property
    def total(self) -> int:
        return max(round(self.fixed + self.of_image * self.whole), self.before)

    def images_within(self, size: int) -> int:
        """The largest number of images at once that fits a card of `size` bytes; 0 if none fits."""
        room = USABLE * size
        if self.before > room:
            return 0
        sizes = [n for n in range(1, self.whole + 1) if self.whole % n == 0 or not self.in_parts]
        return max((n for n in sizes if self.fixed + self.of_image * n <= room), default=0)


def need_of(measured: dict[str, Any], whole: Work, part: Work) -> Need | None:
    """Memory at full size. `measured`: from measured.py; `whole`, `part`: work at full size, and of the rehearsal."""
    bars = [bar for bar in measured["bars"] if bar["updates"]]
    main = [bar for bar in bars if is_of(bar["description"], whole)]
    if not main:
        return None
    state = measured["optimizer_state"] if whole.unit == "step" else 0
    data = whole.data_bytes if fits_memory(whole.data_bytes) else 0  # larger data stay on the host
    fixed = max(bar["tensors"] + bar["loaded"] for bar in main) + state + data
    # The first step of a training creates the optimizer state, so the second step includes it.
    batch = max(bar["peak"] - bar["loaded"] - (state if len(bar["updates"]) > 1 else 0) for bar in main)
    before = max((_encoded(bar, whole) for bar in bars if bar not in main), default=0)
    return Need(fixed, max(batch, 0) / part.at_once, before, whole.at_once, whole.unit == "step")


def _encoded(bar: dict[str, Any], whole: Work) -> int:
    """The peak of a preparation; that of encoding is scaled to the images at once at full size."""
    largest = max(count for _, count in bar["updates"])
    encodes = bar["description"] == "encoding"
    factor = max(whole.encoded, largest) / largest if encodes else 1.0
    return round(bar["tensors"] + bar["loaded"] + max(bar["peak"] - bar["loaded"], 0) * factor)


def fits(need: Need, sizes: Sequence[int]) -> list[str]:
    """For each card size in GiB: "yes", how many images at once fit, or "no"."""
    found = [need.images_within(size * GIB) for size in sizes]
    return ["yes" if n == need.whole else f"{n} of {need.whole}" if n else "no" for n in found]
