"""Samples as the stages leave them: DOMAIN/{digit}_{001..}.png, without a condition DOMAIN/{001..}.png."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from difflab.errors import UserError


def read_digit_samples(folder: str | Path, digits: list[int]) -> tuple[Tensor, Tensor]:
    """All images of `digits` in `folder`: (N, 3, S, S) uint8 and the digits (N,) int64 that they should show.

    Raises UserError when a digit has no images.
    """
    folder = Path(folder)
    images = [_read(folder, f"{digit}_[0-9]*.png", f"{digit}_NNN.png", "each digit of the recipe") for digit in digits]
    counts = torch.tensor([len(part) for part in images])
    return torch.cat(images), torch.tensor(digits).repeat_interleave(counts)


def read_samples(folder: str | Path) -> Tensor:
    """All images in `folder` of a recipe without a condition, (N, 3, S, S) uint8.

    Raises UserError when there is none.
    """
    folder = Path(folder)
    return _read(folder, "[0-9][0-9][0-9]*.png", "NNN.png", "the recipe")


def _read(folder: Path, pattern: str, name: str, whose: str) -> Tensor:
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise UserError(f"{folder}: found no {name}, allowed: at least one image of {whose}")
    images = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
    return torch.from_numpy(images).permute(0, 3, 1, 2)
