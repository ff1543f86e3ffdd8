"""Right and wrong answers as pictures, and all answers as a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import matplotlib as mpl
from matplotlib.figure import Figure
from numpy.typing import NDArray

from difflab.figures.files import DPI, STYLE, Provenance, save_png
from difflab.figures.image_grid import LITERAL, Panel, Scale, plot_image_grid
from difflab.systems.zero_shot.evaluation import Case

SCALE = Scale(cell=160, gap=50, caption=60, dpi=DPI)  # four lines of text below an image
CAPTION_WIDTH = 20  # characters
LABEL_SIZE = 0.11  # inches of a class's row and column
LABELLED = 80  # classes; more have no room for their names, and share the side of so many


def save_cases(cases: Sequence[Case], title: str, path: Path, stage: str) -> None:
    """Correct answers in one row, wrong ones in the other; under each image what it was taken for and what it is."""
    rows = {case.kind: [other for other in cases if other.kind == case.kind] for case in cases}
    captions = [[_caption(case) for case in row] for row in rows.values()]
    panel = Panel([[case.file for case in row] for row in rows.values()], list(rows), [], captions=captions)
    save_png(plot_image_grid([panel], title, SCALE), path, Provenance.of(stage, [case.file for case in cases]))


def _caption(case: Case) -> str:
    lines = [case.predicted] if case.kind == "correct" else [case.predicted, f"is {case.true}"]
    return "\n".join(fill(line, CAPTION_WIDTH) for line in lines)


@mpl.rc_context(STYLE)
def save_confusion(counts: NDArray, labels: list[str], title: str, path: Path, stage: str, inputs: list[Path]) -> None:
    """The share of each class (row) that was taken for each (column), from `counts` (C, C), as a PNG."""
    side = max(3.0, LABEL_SIZE * min(len(labels), LABELLED))
    figure = Figure(figsize=(side, side), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    shares = counts / counts.sum(1, keepdims=True).clip(min=1)
    drawn = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues", interpolation="nearest")
    if len(labels) <= LABELLED:
        axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=6, **LITERAL)
        axes.set_yticks(range(len(labels)), labels, fontsize=6, **LITERAL)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(title, fontsize=11, weight="bold")
    figure.colorbar(drawn, ax=axes, shrink=0.5, label="share of the class")
    save_png(figure, path, Provenance.of(stage, inputs))
