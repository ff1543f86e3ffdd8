"""Scenes as images and as hints, drawn where their tensors are, at any resolution.

Edges are antialiased: a pixel's share of a circle falls from 1 to 0 over one pixel's width around the edge.
"""

from __future__ import annotations

import torch
from torch import Tensor

OUTLINE = 1 / 256  # of the image's side, and one pixel at least: Fill50k's two pixels of 512


def draw_images(geometry: Tensor, colours: Tensor, size: int) -> Tensor:
    """(N, 3, size, size) float32 in [-1, 1] of `geometry` (N, 2, 3) and `colours` (N, 3, 3) uint8, as in Scenes."""
    circle, second, background = (colours[:, i, :, None, None].float() for i in range(3))
    shares = _inside(geometry, size, 0.0)[:, :, None]
    images = torch.lerp(background.expand(-1, -1, size, size), circle, shares[:, 0])
    return torch.lerp(images, second, shares[:, 1]) / 127.5 - 1


def draw_masks(geometry: Tensor, size: int) -> Tensor:
    """(N, 2, size, size) float32 in [0, 1]: the share of each pixel that each circle covers."""
    return _inside(geometry, size, 0.0)


def draw_hints(geometry: Tensor, size: int) -> Tensor:
    """(N, 3, size, size) float32 in [0, 1]: the circles' outlines, white on black."""
    half = max(OUTLINE, 1 / size) / 2
    outlines = _inside(geometry, size, half) - _inside(geometry, size, -half)
    return outlines.amax(1, keepdim=True).expand(-1, 3, -1, -1)


def to_bytes(images: Tensor) -> Tensor:
    """uint8 of images in [-1, 1]."""
    return ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def _inside(geometry: Tensor, size: int, margin: float) -> Tensor:
    """(N, 2, size, size): the share of each pixel within `margin` of each circle or inside it; 0 without a circle."""
    centres = (torch.arange(size, device=geometry.device) + 0.5) / size
    x, y, radius = (geometry[:, :, i, None, None] for i in range(3))
    distance = torch.hypot(centres - x, centres[:, None] - y)
    shares = ((radius + margin - distance) * size + 0.5).clamp(0, 1)
    return torch.where(radius > 0, shares, 0.0)
