"""Samples as the stages leave them: DOMAIN/{digit}_{001..}.png."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from difflab.stage import UserError


def read_digit_samples(folder: Path, digits: list[int]) -> tuple[Tensor, Tensor]:
    """All images of `digits` in `folder`: (N, 3, S, S) uint8 and the digits (N,) int64 that they should show.

    Raises UserError when a digit has no images.
    """
    images, expected = [], []
    for digit in digits:
        paths = sorted(folder.glob(f"{digit}_[0-9]*.png"))
        if not paths:
            raise UserError(
                f"{folder}: found no {digit}_NNN.png, allowed: at least one image of each digit of the recipe"
            )
        images += [np.asarray(Image.open(path).convert("RGB")) for path in paths]
        expected += [digit] * len(paths)
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2), torch.tensor(expected)
