"""Between bytes and the numbers that networks take."""

from __future__ import annotations

from PIL import Image
from torch import Tensor


def to_uint8(images: Tensor) -> Tensor:
    """[-1, 1] to 0-255, round((x + 1) / 2 · 255); what lies outside is clamped. Any shape."""
    return ((images + 1) / 2 * 255).round().clamp(0, 255).byte()


def to_pil(images: Tensor) -> list[Image.Image]:
    """(N, 3, H, W) in [-1, 1] to N RGB images."""
    return [Image.fromarray(image) for image in to_uint8(images).permute(0, 2, 3, 1).cpu().numpy()]
