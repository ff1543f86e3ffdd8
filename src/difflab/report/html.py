"""Renders the templates next to this file: embedded images, and numbers and durations as text."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from difflab.data.images import naming
from difflab.history.measurements import Measurement
from difflab.history.verify import JudgedMeasurement

TYPES = {".png": "image/png", ".gif": "image/gif"}


@dataclass(frozen=True)
class Embedded:
    """`data`: a URI with the unchanged bytes of the file; `provenance`: the file's metadata by name."""

    data: str
    width: int
    height: int
    provenance: dict[str, str]


def embed(path: str, content: bytes) -> Embedded:
    """Embed the PNG or GIF file `path` with this content. Raises DataError if it is damaged."""
    with naming(path), Image.open(io.BytesIO(content)) as image:
        data = f"data:{TYPES[PurePath(path).suffix]};base64,{base64.b64encode(content).decode()}"
        if image.format == "GIF":  # Stage and Inputs, as figures/png.py and figures/gif.py write them
            metadata = dict(line.split(": ", 1) for line in image.info.get("comment", b"").decode().splitlines())
        else:
            metadata = {name: str(text) for name, text in getattr(image, "text", {}).items()}
        return Embedded(data, image.width, image.height, metadata)


def render(template: str, **values: Any) -> str:
    """Render a template. Text is escaped; a name that is not in `values` is an error."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "interval": interval, "shown": shown}
    return environment.get_template(template).render(values)


def shown(value: float) -> str:
    """A number with up to four significant digits, and a true minus sign."""
    sign, magnitude = "−" if value < 0 else "", abs(value)
    if isinstance(value, int) or (value == int(value) and magnitude >= 10):
        return f"{sign}{magnitude:.0f}"
    if 0 < magnitude < 1e-3:
        return f"{sign}{magnitude:.1e}"
    return sign + (
        f"{magnitude:.3f}" if magnitude < 10 else f"{magnitude:.2f}" if magnitude < 100 else f"{magnitude:.1f}"
    )


def interval(found: Measurement | JudgedMeasurement) -> str:
    """The interval as text, such as 0.85 – 0.95; empty if there is none."""
    return "" if found.low is None or found.high is None else f"{shown(found.low)} – {shown(found.high)}"


def duration(seconds: float | None) -> str:
    """A duration as text, such as 4 min 12 s."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
