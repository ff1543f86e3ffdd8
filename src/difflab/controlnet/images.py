"""The sampled images, a file for each group of requests."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from safetensors.torch import save_file
from torch import Tensor, cat

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


def save_images(folder: Path, batches: Iterable[tuple[str, Tensor]]) -> None:
    """Write `folder`, of batches (N, 3, S, S) uint8 with the names of their groups."""
    groups: dict[str, list[Tensor]] = {}
    for name, images in batches:
        groups.setdefault(name, []).append(images)
    folder.mkdir()
    for name, parts in groups.items():
        save_file({"images": cat(parts)}, folder / f"{name}.safetensors")
