"""Conversion between uint8 pixels and the floats of networks, with the same rounding everywhere."""

from PIL import Image
from torch import Tensor, uint8


def to_signed(images: Tensor) -> Tensor:
    """Map 0-255 to float32 in [-1, 1]: x / 127.5 − 1. Any shape."""
    return images.float() / 127.5 - 1


def to_uint8(images: Tensor) -> Tensor:
    """Map [-1, 1] to uint8 0-255: round((x + 1) / 2 · 255); values outside are clamped. Any shape."""
    return ((images + 1) / 2 * 255).round().clamp(0, 255).byte()


def unit_to_uint8(images: Tensor) -> Tensor:
    """Map [0, 1] to uint8 0-255: round(255 x). Any shape."""
    return (images.float() * 255).round().to(uint8)


def to_pil(images: Tensor) -> list[Image.Image]:
    """Convert (N, 3, H, W) uint8, or float in [-1, 1], to N RGB images."""
    pixels = images if images.dtype == uint8 else to_uint8(images)
    return [Image.fromarray(image) for image in pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()]
