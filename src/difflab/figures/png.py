"""Figures as PNG files: equal figures give equal bytes, and each file says what it was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from difflab.outputs import written_whole

DPI = 200


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


def save_png(figure: Figure, path: Path, provenance: Provenance) -> None:
    """Write `figure` without its empty margins; images placed on whole pixels stay there. Made whole or not at all."""
    tight = figure.get_tightbbox()
    padding = 0.1  # inches
    left, bottom, right, top = (
        round(edge * DPI) / DPI
        for edge in (tight.x0 - padding, tight.y0 - padding, tight.x1 + padding, tight.y1 + padding)
    )
    # "Software" would name matplotlib's version.
    metadata = {"Software": None, "Stage": provenance.stage, "Inputs": provenance.inputs}
    with written_whole(path) as partial:
        figure.savefig(
            partial, format="png", dpi=DPI, bbox_inches=Bbox.from_extents(left, bottom, right, top), metadata=metadata
        )
