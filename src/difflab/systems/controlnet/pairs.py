"""Pairs of a conditioning image and an image, with a prompt, of a folder in the layout of ControlNet's Fill50k.

(Zhang et al. 2023; train_controlnet.py of diffusers and tutorial_train.py of ControlNet read the same layout.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from difflab.data.captioned_images import read_entries, read_rgb, size_of
from difflab.errors import DataError, UserError

INDEX = "prompt.json"
EXAMPLE = '{"source": "source/0.png", "target": "target/0.png", "prompt": "a red circle"}'


@dataclass(frozen=True)
class Pairs:
    """N prompts with the files of their conditioning images (`sources`) and of the images (`targets`)."""

    prompts: list[str]
    sources: list[Path]
    targets: list[Path]

    def __len__(self) -> int:
        return len(self.prompts)

    def part(self, numbers: range) -> "Pairs":
        """The pairs `numbers`, which are consecutive."""
        rows = slice(numbers.start, numbers.stop)
        return Pairs(self.prompts[rows], self.sources[rows], self.targets[rows])

    def hints(self, size: int) -> Tensor:
        """(N, 3, size, size) float32 in [0, 1]: the conditioning images."""
        return self.hints_of(range(len(self)), size)

    def hints_of(self, numbers: Sequence[int], size: int) -> Tensor:
        """`hints` of the pairs `numbers`, read from their files."""
        return read_rgb([self.sources[number] for number in numbers], size) / 255


def read_pairs(folder: str | Path) -> Pairs:
    """The lines of prompt.json, in their order; no image is opened.

    Raises DataError, which names the line, as `read_entries` does.
    """
    entries = read_entries(Path(folder, INDEX), ("source", "target"), ("prompt",), EXAMPLE)
    sources, targets = ([Path(folder, entry[key]) for entry in entries] for key in ("source", "target"))
    return Pairs([entry["prompt"] for entry in entries], sources, targets)


def split_pairs(pairs: Pairs, num_validation: int) -> tuple[Pairs, Pairs]:
    """Those to train with, and the last `num_validation`. Raises UserError where none is left to train with."""
    count = len(pairs) - num_validation
    if count < 1:
        found = f"controlnet.pairs.num_validation: found {num_validation} of {len(pairs)} pairs"
        raise UserError(f"{found}, allowed: fewer than there are")
    return pairs.part(range(count)), pairs.part(range(count, len(pairs)))


def require_images(pairs: Pairs) -> None:
    """Raises DataError where an image of a pair is missing, is no image, or differs from its partner in size."""
    for source, target in zip(pairs.sources, pairs.targets, strict=True):
        (width, height), expected = size_of(source), size_of(target)
        if (width, height) != expected:
            allowed = f"{expected[0]}×{expected[1]}, as {target} has"
            raise DataError(f"{source}: found {width}×{height} pixels, allowed: {allowed}")
