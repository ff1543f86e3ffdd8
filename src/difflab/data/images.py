"""Image files: found, decoded and brought to one square size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median_low

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tqdm import tqdm

from difflab.data.dataset import DataError

SUFFIXES = {".jpg", ".jpeg", ".png"}
GREY = {"1", "L"}


def find_images(folder: str | Path) -> list[Path]:
    """All JPEG and PNG files under `folder`, sorted. Raises DataError when there is no folder or no image in it."""
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise DataError(f"{folder}: no images in it, allowed: {', '.join(sorted(SUFFIXES))}")
    return paths


def read_image(path: str | Path) -> Image.Image:
    """Decode an 8-bit image as mode L or RGB, upright. Raises DataError when it is truncated or no image."""
    try:
        with Image.open(path) as image:
            if image.mode.startswith(("I", "F")):
                raise DataError(f"{path}: {image.mode} pixels, allowed: 8 bits a channel")
            return ImageOps.exif_transpose(image).convert("L" if image.mode in GREY else "RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow calls a broken PNG a SyntaxError
        raise DataError(f"{path}: cannot be read as an image: {error}") from None


def read_squares(paths: Sequence[str | Path]) -> NDArray[np.uint8]:
    """(N, C, S, S) with S the median of the images' shorter sides, C = 1 when all are grey and else 3.

    Images of another size are cut to their central square and resized with Pillow's antialiased bicubic filter.
    """
    headers = [_header(path) for path in paths]
    size = median_low(side for side, _ in headers)
    mode = "L" if all(image_mode in GREY for _, image_mode in headers) else "RGB"
    pixels = np.empty((len(paths), size, size, len(mode)), dtype=np.uint8)
    for row, path in zip(pixels, tqdm(paths, desc=f"reading {Path(paths[0]).parent}", delay=2), strict=True):
        image = read_image(path).convert(mode)
        row[:] = np.asarray(ImageOps.fit(image, (size, size), Image.Resampling.BICUBIC)).reshape(row.shape)
    return pixels.transpose(0, 3, 1, 2)


def _header(path: str | Path) -> tuple[int, str]:
    """Shorter side and mode, without decoding."""
    try:
        with Image.open(path) as image:
            return min(image.size), image.mode
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: cannot be read as an image: {error}") from None
