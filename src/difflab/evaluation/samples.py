"""Samples as the stages leave them: DOMAIN/{digit}_{001..}.png, without a condition DOMAIN/{001..}.png."""

import re
from pathlib import Path

import torch
from torch import Tensor

from difflab.data.images import read_equal_sizes
from difflab.errors import UserError


def read_digit_samples(folder: str | Path, digits: list[int]) -> tuple[Tensor, Tensor]:
    """All images of `digits` in `folder`: (N, 3, S, S) uint8 and the digits (N,) int64 that they should show.

    Raises UserError when a digit has no images, or a number is left out.
    """
    files = [sample_files(folder, f"{digit}_") for digit in digits]
    counts = torch.tensor([len(of_digit) for of_digit in files])
    return _read([file for of_digit in files for file in of_digit]), torch.tensor(digits).repeat_interleave(counts)


def read_samples(folder: str | Path, count: int | None = None) -> Tensor:
    """All images in `folder` of a recipe or prompt without a condition, (N, 3, S, S) uint8; `count` of them if given.

    Raises UserError when there is none, or another number.
    """
    files = sample_files(folder)
    if count is not None and len(files) != count:
        raise UserError(f"{folder}: found {len(files)} images, allowed: {count}")
    return _read(files)


def sample_files(folder: str | Path, prefix: str = "") -> list[Path]:
    """`prefix`NNN.png in `folder`, numbered from 000 or 001 on.

    Raises UserError when there is none, or a number is left out.
    """
    found = sorted(path for path in Path(folder).glob("*.png") if re.fullmatch(rf"{prefix}\d{{3,}}", path.stem))
    if not found:
        raise UserError(f"{folder}: found no {prefix}NNN.png, allowed: the images that `dvc repro` samples")
    numbers = {int(path.stem.removeprefix(prefix)) for path in found}
    first = 0 if 0 in numbers else 1
    if missing := set(range(first, max(numbers))) - numbers:
        raise UserError(f"{folder}/{prefix}{min(missing):03d}.png: not found; a higher number is there")
    return found


def _read(files: list[Path]) -> Tensor:
    return torch.from_numpy(read_equal_sizes(files)).permute(0, 3, 1, 2)  # pyright: ignore[reportUnknownMemberType]
