"""Images of digits in colours that captions name."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from difflab.data.captions import BACKGROUND
from difflab.data.colors import rgb


def colour_digits(digits: Tensor, colours: Sequence[str], size: int) -> Tensor:
    """(N, 3, size, size) uint8 of `digits` (N, 3, S, S) uint8, white on black, in N `colours` on BACKGROUND."""
    grey = digits[:, :1].float() / 255
    shares = F.interpolate(grey, size=(size, size), mode="bilinear", antialias=True)
    inks = torch.tensor([rgb(name) for name in colours]).float()[:, :, None, None]
    background = torch.tensor(rgb(BACKGROUND)).float()[:, None, None]
    return torch.lerp(background, inks, shares).round().to(torch.uint8)
