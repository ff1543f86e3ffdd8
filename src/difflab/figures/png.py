"""Figures as PNG files: equal figures give equal bytes, and each file says what it was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from difflab.pipeline.files import atomic_write

DPI = 200
# The user's own style has no say.
STYLE: dict[Any, Any] = {**mpl.rcParamsDefault, "font.size": 9, "xtick.major.size": 0, "ytick.major.size": 0}


@dataclass(frozen=True)
class Provenance:
    """What a figure was made from: the stage's name and a hash of the contents of its input files."""

    stage: str
    inputs: str

    @classmethod
    def of(cls, stage: str, files: Iterable[Path]) -> Provenance:
        """The hash is SHA-256 of the files' contents, one after the other."""
        digest = hashlib.sha256()
        for file in files:
            digest.update(file.read_bytes())
        return cls(stage, f"sha256:{digest.hexdigest()}")


@mpl.rc_context(STYLE)
def save_png(figure: Figure, path: Path, provenance: Provenance) -> None:
    """Write `figure` without its empty margins; images placed on whole pixels stay there. Made whole or not at all."""
    # "Software" would name matplotlib's version.
    metadata = {"Software": None, "Stage": provenance.stage, "Inputs": provenance.inputs}
    with atomic_write(path) as partial:
        figure.savefig(partial, format="png", dpi=figure.dpi, bbox_inches=drawn(figure), metadata=metadata)


@mpl.rc_context(STYLE)
def drawn(figure: Figure) -> Bbox:
    """Where anything is drawn, with a small margin, in inches and to whole pixels."""
    padding = 0.1
    edges = figure.get_tightbbox().padded(padding).extents
    return Bbox.from_extents(*(round(edge * figure.dpi) / figure.dpi for edge in edges))
