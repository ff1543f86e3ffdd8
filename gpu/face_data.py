"""The packed faces as tensors, split by identity."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

HELD_OUT = 10  # every tenth identity of the colored faces
COLOR_REPEATS = 3  # 9,900 colored faces beside 12,794 grey: more repeats invite memorizing 311 people


def load_faces(archive: Path, image_size: int, limit: int | None = None) -> tuple[Tensor, Tensor]:
    """Training and validation images, (N, 3, S, S) uint8.

    `youtube_colour/III_NNNNN.jpg` holds identity III; every tenth identity is held out. The grey faces come without
    identities, so all of them are in training. `limit`: the first so many of each kind.
    """
    with zipfile.ZipFile(archive) as packed:
        names = sorted(name for name in packed.namelist() if name.endswith(".jpg"))
        grey = [name for name in names if name.startswith("lfw_grey/")][:limit]
        color = [name for name in names if name.startswith("youtube_colour/")]
        identities = sorted({_identity(name) for name in color})
        held_out = set(identities[:: min(HELD_OUT, max(1, len(identities) - 1))])
        training = [name for name in color if _identity(name) not in held_out][:limit]
        validation = [name for name in color if _identity(name) in held_out][:limit]
        train = [_read(packed, name, image_size) for name in [*grey, *training * COLOR_REPEATS]]
        validate = [_read(packed, name, image_size) for name in validation]
    return torch.stack(train), torch.stack(validate)


def _identity(name: str) -> str:
    return Path(name).stem.split("_")[0]


def _read(packed: zipfile.ZipFile, name: str, image_size: int) -> Tensor:
    image = Image.open(io.BytesIO(packed.read(name))).convert("RGB")
    if image.size != (image_size, image_size):
        image = image.resize((image_size, image_size), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)
