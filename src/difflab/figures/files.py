"""Write figures as PNG and GIF files. Equal figures give equal bytes; the metadata name the stage and inputs."""

import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image

from difflab.pipeline.files import atomic_write

DPI = 200
# Ignores the user's matplotlibrc.
STYLE: dict[Any, Any] = {**mpl.rcParamsDefault, "font.size": 9, "xtick.major.size": 0, "ytick.major.size": 0}
MILLISECONDS = 500  # per frame
LAST = 3000  # for the last frame


@dataclass(frozen=True)
class Provenance:
    """Origin of a figure: the stage's name and a hash of the contents of its input files."""

    stage: str
    inputs: str

    @classmethod
    def of(cls, stage: str, files: Iterable[Path]) -> "Provenance":
        """Provenance with the SHA-256 of the concatenated contents of `files`."""
        digest = hashlib.sha256()
        for file in files:
            digest.update(file.read_bytes())
        return cls(stage, f"sha256:{digest.hexdigest()}")


@mpl.rc_context(STYLE)
def save_png(figure: Figure, path: Path, provenance: Provenance) -> None:
    """Write `figure` atomically, cropped to its content; images placed on whole pixels stay on whole pixels."""
    # "Software" would contain matplotlib's version.
    metadata = {"Software": None, "Stage": provenance.stage, "Inputs": provenance.inputs}
    with atomic_write(path) as partial:
        figure.savefig(partial, format="png", dpi=figure.dpi, bbox_inches=drawn_area(figure), metadata=metadata)


@mpl.rc_context(STYLE)
def drawn_area(figure: Figure) -> Bbox:
    """The bounding box of the figure's content with a small margin, in inches, rounded to whole pixels."""
    padding = 0.1
    edges = figure.get_tightbbox().padded(padding).extents
    return Bbox.from_extents(*(round(edge * figure.dpi) / figure.dpi for edge in edges))


def save_gif(figures: Sequence[Figure], path: Path, provenance: Provenance) -> None:
    """Write an animation atomically, one frame for each figure, all cropped to their joint bounding box."""
    box = Bbox.union([drawn_area(figure) for figure in figures])
    # A palette for each frame: 256 colors are too few for all frames.
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
