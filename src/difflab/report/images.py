"""Figures embedded in the page with their bytes unchanged, so that a saved image keeps its metadata."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import PurePath

from PIL import Image

from difflab.data.images import naming

TYPES = {".png": "image/png", ".gif": "image/gif"}


@dataclass(frozen=True)
class Embedded:
    """`data`: a URI that holds the file; `provenance`: the file's metadata by name."""

    data: str
    width: int
    height: int
    provenance: dict[str, str]


def embed(path: str, content: bytes) -> Embedded:
    """The PNG or GIF file `path` with this content. Raises DataError where it is damaged."""
    with naming(path), Image.open(io.BytesIO(content)) as image:
        data = f"data:{TYPES[PurePath(path).suffix]};base64,{base64.b64encode(content).decode()}"
        return Embedded(data, image.width, image.height, _metadata(image))


def _metadata(image: Image.Image) -> dict[str, str]:
    """Stage and Inputs, as figures/png.py and figures/gif.py write them; {} for another image."""
    if image.format == "GIF":
        return dict(line.split(": ", 1) for line in image.info.get("comment", b"").decode().splitlines())
    return {name: str(text) for name, text in getattr(image, "text", {}).items()}
