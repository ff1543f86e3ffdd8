"""Pairs of a conditioning image and a target image, with a prompt, from a folder in the layout of Fill50k.

(Zhang et al. 2023; diffusers' train_controlnet.py and ControlNet's tutorial_train.py read the same layout.)
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
    """N prompts with the files of their conditioning images (`sources`) and target images (`targets`)."""

    prompts: list[str]
    sources: list[Path]
    targets: list[Path]

    def __len__(self) -> int:
        return len(self.prompts)

    def part(self, numbers: range) -> "Pairs":
        """The pairs with the consecutive indices `numbers`."""
        rows = slice(numbers.start, numbers.stop)
        return Pairs(self.prompts[rows], self.sources[rows], self.targets[rows])

    def hints(self, size: int) -> Tensor:
        """The conditioning images: (N, 3, size, size) float32 in [0, 1]."""
        return self.hints_of(range(len(self)), size)

    def hints_of(self, numbers: Sequence[int], size: int) -> Tensor:
        """`hints` of the pairs with the indices `numbers`, read from their files. Raises DataError."""
        return read_rgb([self.sources[number] for number in numbers], size) / 255


def read_pairs(folder: str | Path) -> Pairs:
    """The pairs in prompt.json, in order; no image is opened.

    Raises DataError, naming the line, as `read_entries` does.
    """
    entries = read_entries(Path(folder, INDEX), ("source", "target"), ("prompt",), EXAMPLE)
    sources, targets = ([Path(folder, entry[key]) for entry in entries] for key in ("source", "target"))
    return Pairs([entry["prompt"] for entry in entries], sources, targets)


def split_pairs(pairs: Pairs, num_validation: int) -> tuple[Pairs, Pairs]:
    """Split into training pairs and the last `num_validation`. Raises UserError if no training pairs remain."""
    count = len(pairs) - num_validation
    if count < 1:
        found = f"controlnet.pairs.num_validation: found {num_validation} of {len(pairs)} pairs"
        raise UserError(f"{found}, allowed: fewer than there are")
    return pairs.part(range(count)), pairs.part(range(count, len(pairs)))


def require_images(pairs: Pairs) -> None:
    """Raises DataError if an image of a pair is missing, cannot be read, or differs in size from the other one."""
    for source, target in zip(pairs.sources, pairs.targets, strict=True):
        (width, height), expected = size_of(source), size_of(target)
        if (width, height) != expected:
            allowed = f"{expected[0]}×{expected[1]}, as {target} has"
            raise DataError(f"{source}: found {width}×{height} pixels, allowed: {allowed}")
