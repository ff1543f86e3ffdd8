"""Grids of small images with labelled rows and columns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from difflab.figures.png import DPI, Provenance, save_png
from difflab.stage import UserError

CELL = 160  # about the pixels of one image, a side
GAP = 8  # pixels between images
PANEL_GAP = 1.2  # inches between panels, for the labels of the rows


@dataclass(frozen=True)
class Panel:
    """One grid: image files `rows[i][j]` beside `row_labels[i]` and under `column_labels[j]`; all of one size."""

    rows: list[list[Path]]
    row_labels: list[str]
    column_labels: list[str]
    title: str = ""

    @property
    def files(self) -> list[Path]:
        return [file for row in self.rows for file in row]


def save_image_grid(panels: list[Panel], title: str, path: Path, stage: str) -> None:
    """Draw the panels side by side under one title, each image enlarged by a whole factor, and write the PNG.

    Raises UserError when an image file is missing.
    """
    canvases = [_paste(panel) for panel in panels]
    height = max(len(canvas) for canvas in canvases) / DPI
    with mpl.rc_context({**mpl.rcParamsDefault, "font.size": 9, "xtick.major.size": 0, "ytick.major.size": 0}):
        figure = Figure(figsize=(1, 1), dpi=DPI)  # positions are in inches; save_png cuts the figure to what is drawn
        left = 0.0
        for panel, canvas in zip(panels, canvases, strict=True):
            width = canvas.shape[1] / DPI
            axes = figure.add_axes((left, height - len(canvas) / DPI, width, len(canvas) / DPI))
            axes.imshow(canvas, interpolation="nearest", aspect="auto")
            axes.set_frame_on(False)
            axes.set_xticks(_centres(canvas.shape[1], len(panel.column_labels)), panel.column_labels)
            axes.set_yticks(_centres(len(canvas), len(panel.row_labels)), panel.row_labels)
            axes.xaxis.tick_top()
            axes.set_title(panel.title, fontsize=10)
            left += width + PANEL_GAP
        above = figure.get_tightbbox().y1 + 0.15
        figure.text((left - PANEL_GAP) / 2, above, title, ha="center", fontsize=11, weight="bold")
        files = [file for panel in panels for file in panel.files]
        save_png(figure, path, Provenance.of(stage, files))


def _paste(panel: Panel) -> NDArray[np.uint8]:
    """The images of a panel on one white canvas, without a margin."""
    images = np.stack([[_read(file) for file in row] for row in panel.rows])
    factor = max(1, round(CELL / images.shape[2]))
    images = images.repeat(factor, axis=2).repeat(factor, axis=3)
    images = np.pad(images, ((0, 0), (0, 0), (0, GAP), (0, GAP), (0, 0)), constant_values=255)
    rows, columns, height, width, channels = images.shape
    return images.swapaxes(1, 2).reshape(rows * height, columns * width, channels)[:-GAP, :-GAP]


def _read(file: Path) -> NDArray[np.uint8]:
    """An RGB image (H, W, 3)."""
    try:
        return np.asarray(Image.open(file).convert("RGB"))
    except FileNotFoundError:
        raise UserError(f"{file}: not found; the figure needs it") from None


def _centres(pixels: int, count: int) -> list[float]:
    """The middle of each of `count` images in a canvas of `pixels`, in imshow's coordinates."""
    pitch = (pixels + GAP) / count
    return [i * pitch + (pitch - GAP) / 2 - 0.5 for i in range(count)]
