"""Pairs of a conditioning image and an image, with a prompt, of a folder in the layout of ControlNet's Fill50k.

(Zhang et al. 2023; train_controlnet.py of diffusers and tutorial_train.py of ControlNet read the same layout.)
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from PIL import ExifTags, Image, ImageOps
from torch import Tensor

from difflab.data.images import naming, read_image
from difflab.errors import DataError, UserError

INDEX = "prompt.json"
KEYS = ("source", "target", "prompt")
ALLOWED = 'a JSON object such as {"source": "source/0.png", "target": "target/0.png", "prompt": "a red circle"}'


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


def read_rgb(files: Sequence[str | Path], size: int) -> Tensor:
    """(N, 3, size, size) uint8: the central squares, resized with Pillow's antialiased bicubic filter.

    Raises DataError where a file is missing or no image.
    """
    fitted = [ImageOps.fit(read_image(file).convert("RGB"), (size, size), Image.Resampling.BICUBIC) for file in files]
    return torch.from_numpy(np.stack([np.asarray(image) for image in fitted])).permute(0, 3, 1, 2).contiguous()


def read_pairs(folder: str | Path) -> Pairs:
    """The lines of prompt.json, in their order; no image is opened.

    Raises DataError, which names the line, where one is no object with the keys of KEYS, a path leads out of the folder
    or a prompt is empty, and where there is no line.
    """
    index = Path(folder, INDEX)
    entries = list(_entries(index))
    if not entries:
        raise DataError(f"{index}: found no line, allowed: in each {ALLOWED}")
    sources, targets, prompts = zip(*entries, strict=True)
    return Pairs(list(prompts), [Path(folder, name) for name in sources], [Path(folder, name) for name in targets])


def _entries(index: Path) -> Iterator[tuple[str, str, str]]:
    try:
        lines = index.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise DataError(f"{index}: not found, allowed: a file with a line for each pair, {ALLOWED}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{index}: cannot be read: {error}") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _entry(line, f"{index}: line {number}")


def _entry(line: str, place: str) -> tuple[str, str, str]:
    try:
        entry: Any = json.loads(line)
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        raise DataError(f"{place}: found {line.strip()[:60]!r}, allowed: {ALLOWED}")
    for key in KEYS:
        text: Any = entry.get(key)
        if not isinstance(text, str) or not text.strip():
            found = f"no {key}" if key not in entry else f"{key} {json.dumps(text)[:60]}"
            raise DataError(f"{place}: found {found}, allowed: {ALLOWED}")
    for key in KEYS[:2]:
        path = PurePosixPath(entry[key])
        if path.is_absolute() or ".." in path.parts:
            raise DataError(f"{place}: found {key} {entry[key]!r}, allowed: a path inside the folder")
    return entry["source"], entry["target"], entry["prompt"].strip()


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
        (width, height), expected = _size(source), _size(target)
        if (width, height) != expected:
            allowed = f"{expected[0]}×{expected[1]}, as {target} has"
            raise DataError(f"{source}: found {width}×{height} pixels, allowed: {allowed}")


def _size(path: Path) -> tuple[int, int]:
    """Width and height once it is upright, without decoding."""
    with naming(path), Image.open(path) as image:
        width, height = image.size
        is_turned = image.getexif().get(ExifTags.Base.Orientation, 1) >= 5
    return (height, width) if is_turned else (width, height)
