"""Right and wrong answers as pictures, and all answers as a matrix."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from difflab.figures.image_grid import Panel, save_image_grid
from difflab.figures.png import DPI, STYLE, Provenance, save_png

LABEL_SIZE = 0.11  # inches of a class's row and column
LABELLED = 80  # classes; more have no room for their names


def save_cases(cases: pd.DataFrame, title: str, path: Path, stage: str) -> None:
    """Correct answers in one row, wrong ones in the other; under each image what it was taken for and what it is."""
    kinds = [kind for kind in ("correct", "wrong") if kind in cases.index.get_level_values(0)]
    rows = [cases.loc[kind] for kind in kinds]
    captions = [
        [
            f"{case.predicted}\n" if case.predicted == case.true else f"{case.predicted}\nis {case.true}"
            for case in row.itertuples()
        ]
        for row in rows
    ]
    panel = Panel([list(row.file) for row in rows], kinds, [], captions=captions)
    save_image_grid([panel], title, path, stage)


@mpl.rc_context(STYLE)
def save_confusion(counts: NDArray, labels: list[str], title: str, path: Path, stage: str, inputs: list[Path]) -> None:
    """The share of each class (row) that was taken for each (column), from `counts` (C, C), as a PNG."""
    side = max(3.0, LABEL_SIZE * len(labels))
    figure = Figure(figsize=(side, side), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    shares = counts / counts.sum(1, keepdims=True).clip(min=1)
    drawn = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues", interpolation="nearest")
    if len(labels) <= LABELLED:
        axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=6)
        axes.set_yticks(range(len(labels)), labels, fontsize=6)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(title, fontsize=11, weight="bold")
    figure.colorbar(drawn, ax=axes, shrink=0.5, label="share of the class")
    save_png(figure, path, Provenance.of(stage, inputs))
