"""Figures inside the page: their bytes as they are, so that an image saved from it still says what it was made from."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import PurePath

from PIL import Image

from difflab.stamp import read_stamp

TYPES = {".png": "image/png", ".gif": "image/gif"}


@dataclass(frozen=True)
class Embedded:
    """`data`: a URI that holds the file; `provenance`: what the file says that it was made from, by name."""

    data: str
    width: int
    height: int
    provenance: dict[str, str]


def embed(path: str, content: bytes) -> Embedded:
    """The PNG or GIF file `path` with this content."""
    image = Image.open(io.BytesIO(content))
    data = f"data:{TYPES[PurePath(path).suffix]};base64,{base64.b64encode(content).decode()}"
    return Embedded(data, image.width, image.height, read_stamp(PurePath(path).suffix, content))
