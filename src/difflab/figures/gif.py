"""Animations as GIF files: equal figures give equal bytes, and each file says what it was made from."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image

from difflab.figures.files import STYLE, Provenance, drawn_area
from difflab.pipeline.files import atomic_write

MILLISECONDS = 500  # of a frame
LAST = 3000  # of the last one, which the eye wants to rest on


def save_gif(figures: Sequence[Figure], path: Path, provenance: Provenance) -> None:
    """Write one frame for each figure, all cut to what is drawn in any of them. Made whole or not at all."""
    box = Bbox.union([drawn_area(figure) for figure in figures])
    # Each frame has a palette of its own: 256 colours are too few for all of them together.
    first, *others = [_render(figure, box).quantize(dither=Image.Dither.NONE) for figure in figures]
    with atomic_write(path) as partial:
        first.save(
            partial,
            format="GIF",
            append_images=others,
            save_all=True,
            duration=[MILLISECONDS] * len(others) + [LAST],
            loop=0,
            comment=f"Stage: {provenance.stage}\nInputs: {provenance.inputs}".encode(),
        )


@mpl.rc_context(STYLE)
def _render(figure: Figure, box: Bbox) -> Image.Image:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi, bbox_inches=box)
    return Image.open(buffer).convert("RGB")
