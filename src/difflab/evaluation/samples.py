"""Read the samples that stages write: DOMAIN/{class}_{001..}.png, or DOMAIN/{001..}.png without a condition."""

import re
from pathlib import Path

import torch
from torch import Tensor

from difflab.data.classes import file_part
from difflab.data.images import read_equal_sizes
from difflab.errors import UserError


def read_class_samples(folder: str | Path, classes: dict[str, int]) -> tuple[Tensor, Tensor]:
    """Read all images of `classes` in `folder`: (N, 3, S, S) uint8 and their requested labels (N,) int64.

    `classes`: labels by class name. Raises UserError when a class has no images, a number is missing in the sequence,
    or an image cannot be read.
    """
    files = [sample_files(folder, f"{file_part(name)}_") for name in classes]
    counts = torch.tensor([len(of_class) for of_class in files])
    labels = torch.tensor(list(classes.values())).repeat_interleave(counts)
    return _read([file for of_class in files for file in of_class]), labels


def read_samples(folder: str | Path, count: int | None = None) -> Tensor:
    """Read the images NNN.png in `folder`: (N, 3, S, S) uint8.

    Raises UserError when there are none, or not `count` if that is given, or an image cannot be read.
    """
    files = sample_files(folder)
    if count is not None and len(files) != count:
        raise UserError(f"{folder}: found {len(files)} images, allowed: {count}")
    return _read(files)


def sample_files(folder: str | Path, prefix: str = "") -> list[Path]:
    """The files `prefix`NNN.png in `folder`, numbered from 000 or 001.

    Raises UserError when there are none, or a number is missing in the sequence.
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
