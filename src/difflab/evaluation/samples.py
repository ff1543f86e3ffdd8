"""Samples as the stages leave them: DOMAIN/{class}_{001..}.png, without a condition DOMAIN/{001..}.png."""

import re
from pathlib import Path

import torch
from torch import Tensor

from difflab.data.classes import file_part
from difflab.data.images import read_equal_sizes
from difflab.errors import UserError


def read_class_samples(folder: str | Path, classes: dict[str, int]) -> tuple[Tensor, Tensor]:
    """All images of `classes` in `folder`: (N, 3, S, S) uint8 and the labels (N,) int64 that they should show.

    `classes`: the label of each by its name. Raises UserError when one has no images, or a number is left out.
    """
    files = [sample_files(folder, f"{file_part(name)}_") for name in classes]
    counts = torch.tensor([len(of_class) for of_class in files])
    labels = torch.tensor(list(classes.values())).repeat_interleave(counts)
    return _read([file for of_class in files for file in of_class]), labels


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
    found = sorted(
        path for path in Path(folder).glob("*.png") if re.fullmatch(rf"{re.escape(prefix)}\d{{3,}}", path.stem)
    )
    if not found:
        raise UserError(f"{folder}: found no {prefix}NNN.png, allowed: the images that `dvc repro` samples")
    numbers = {int(path.stem.removeprefix(prefix)) for path in found}
    first = 0 if 0 in numbers else 1
    if missing := set(range(first, max(numbers))) - numbers:
        raise UserError(f"{folder}/{prefix}{min(missing):03d}.png: not found; a higher number is there")
    return found


def _read(files: list[Path]) -> Tensor:
    return torch.from_numpy(read_equal_sizes(files)).permute(0, 3, 1, 2)  # pyright: ignore[reportUnknownMemberType]
