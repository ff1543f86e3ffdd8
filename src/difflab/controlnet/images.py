"""The images that were drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from difflab.errors import UserError, reading


def load_images(folder: str | Path) -> dict[str, NDArray[np.uint8]]:
    """(N, S, S, 3) by group. Raises UserError when there are none."""
    folder = Path(folder)
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise UserError(f"{folder}: found no images, allowed: those of `dvc repro controlnet_samples`")
    images = {}
    for file in files:
        with reading(file, KeyError):
            images[file.stem] = load_file(file)["images"].transpose(0, 2, 3, 1)
    return images
