"""The packed faces as tensors, split by identity."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

HELD_OUT_EVERY = 10  # every tenth identity of the color images
COLOR_REPEATS = 3  # then 9,800 of 22,600 images are in color; more repeats would encourage memorizing 311 people
HELD_OUT = "held_out.txt"  # in a model's folder: images of people not in training


class FaceSplit(NamedTuple):
    training: Tensor  # (N, 3, S, S) uint8
    validation: Tensor
    held_out: list[str]  # names of the validation images, relative to the folder of faces


def load_faces(archive: Path, image_size: int, limit: int | None = None) -> FaceSplit:
    """Read the images; color images are repeated COLOR_REPEATS times in training.

    `youtube_colour/III_NNNNN.jpg` shows identity III; every tenth identity is held out. Gray images have no
    identities, so all of them are in training. `limit`: read only the first `limit` images of each kind.
    """
    with zipfile.ZipFile(archive) as packed:
        names = sorted(name for name in packed.namelist() if name.endswith(".jpg"))
        gray = [name for name in names if name.startswith("lfw_grey/")][:limit]
        color = [name for name in names if name.startswith("youtube_colour/")]
        identities = sorted({_identity(name) for name in color})
        other = set(identities[:: min(HELD_OUT_EVERY, max(1, len(identities) - 1))])
        training = [name for name in color if _identity(name) not in other][:limit]
        held_out = [name for name in color if _identity(name) in other][:limit]
        train = [_read(packed, name, image_size) for name in [*gray, *training * COLOR_REPEATS]]
        validate = [_read(packed, name, image_size) for name in held_out]
    return FaceSplit(torch.stack(train), torch.stack(validate), held_out)


def write_held_out(names: list[str], folder: Path) -> None:
    """Write one name per line to HELD_OUT in a model's folder."""
    (folder / HELD_OUT).write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def _identity(name: str) -> str:
    return Path(name).stem.split("_")[0]


def _read(packed: zipfile.ZipFile, name: str, image_size: int) -> Tensor:
    image = Image.open(io.BytesIO(packed.read(name))).convert("RGB")
    if image.size != (image_size, image_size):
        image = image.resize((image_size, image_size), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)
