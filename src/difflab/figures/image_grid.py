"""Grids of small images with labeled rows and columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from difflab.data.images import read_image
from difflab.figures.files import DPI, STYLE, Provenance, save_png

PANEL_GAP = 0.3  # inches between panels, their labels included
LARGEST = 1024  # pixels a side of an image that is shown pixel for pixel
LONGEST = 20_000  # pixels a side of a panel: matplotlib draws no figure of 65,536
LITERAL: dict[str, Any] = {"parse_math": False}  # a label may hold any text, also dollar signs


@dataclass(frozen=True)
class Scale:
    """Pixels: about the side of one image, the gap between two, the height of a caption, and all of them an inch."""

    cell: int
    gap: int
    caption: int
    dpi: int


PRINT = Scale(cell=160, gap=8, caption=28, dpi=DPI)
SCREEN = Scale(cell=48, gap=4, caption=14, dpi=DPI // 2)  # for animations: a frame of a tenth of the pixels


@dataclass(frozen=True)
class Panel:
    """One grid: images `rows[i][j]` beside `row_labels[i]` and under `column_labels[j]`.

    Where images differ in size, or are too large or too many to be shown pixel for pixel, each is made as large as its
    cell allows. An image is a file or RGB. A row may end early. `captions[i][j]` stands under its image.
    """

    rows: Sequence[Sequence[Path | Image.Image]]
    row_labels: Sequence[str]
    column_labels: Sequence[str]
    title: str = ""
    captions: Sequence[Sequence[str]] = ()


def save_image_grid(panels: list[Panel], title: str, path: Path, stage: str, inputs: Sequence[Path] = ()) -> None:
    """Write the figure of `plot_image_grid` as a PNG. `inputs`: what it was made from beside the files that it shows.

    Raises DataError when an image file is missing or damaged.
    """
    shown = [image for panel in panels for row in panel.rows for image in row if isinstance(image, Path)]
    save_png(plot_image_grid(panels, title), path, Provenance.of(stage, [*shown, *inputs]))


@mpl.rc_context(STYLE)
def plot_image_grid(panels: list[Panel], title: str, scale: Scale = PRINT) -> Figure:
    """The panels side by side under one title, each image enlarged by a whole factor.

    Positions are in inches and may lie outside the figure; whoever writes it cuts it to what is drawn. Raises DataError
    when an image file is missing or damaged.
    """
    canvases = [_paste(panel, scale) for panel in panels]
    top = max(map(len, canvases))
    figure = Figure(figsize=(1, 1), dpi=scale.dpi)
    right = 0.0  # pixels, as are all lengths here
    for panel, canvas in zip(panels, canvases, strict=True):
        height, width, _ = canvas.shape
        axes = figure.add_axes((0, 0, width / scale.dpi, height / scale.dpi))
        axes.imshow(canvas, interpolation="nearest", aspect="auto")
        _label(axes, panel, canvas, scale)
        drawn = axes.get_tightbbox()
        assert drawn  # None only of what is invisible
        left = round(right + PANEL_GAP * scale.dpi - drawn.x0)
        bottom = (top - height) / scale.dpi
        axes.set_position((left / scale.dpi, bottom, width / scale.dpi, height / scale.dpi))
        right = left + drawn.x1
    drawn = figure.get_tightbbox()
    figure.text((drawn.x0 + drawn.x1) / 2, drawn.y1 + 0.15, title, ha="center", fontsize=11, weight="bold", **LITERAL)
    return figure


def _paste(panel: Panel, scale: Scale) -> NDArray[np.uint8]:
    """The images of a panel on one white canvas, without a margin."""
    images = [[_rgb(image) for image in row] for row in panel.rows]
    sizes = {image.size for row in images for image in row}
    side = max(max(size) for size in sizes)
    factor = max(1, round(scale.cell / images[0][0].height))
    room = LONGEST // max(len(images), *map(len, images)) - _row_gap(panel, scale)
    if len(sizes) > 1 or side > LARGEST or side * factor > room:
        factor, side = 1, max(1, min(scale.cell, room))
        images = [[_fitted(image, side) for image in row] for row in images]
    rows = [[np.asarray(image) for image in row] for row in images]
    height, width, channels = rows[0][0].shape
    down, right = height * factor + _row_gap(panel, scale), width * factor + scale.gap
    canvas = np.full((len(rows) * down, max(map(len, rows)) * right, channels), 255, dtype=np.uint8)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            enlarged = image.repeat(factor, axis=0).repeat(factor, axis=1)
            canvas[i * down :, j * right :][: height * factor, : width * factor] = enlarged
    return canvas[: len(canvas) - scale.gap, : -scale.gap]


def _label(axes: Axes, panel: Panel, canvas: NDArray[np.uint8], scale: Scale) -> None:
    """Title, labels and captions of a panel, in the pixels of its canvas."""
    below = _row_gap(panel, scale)
    down = (len(canvas) + scale.gap) / len(panel.rows)
    right = (canvas.shape[1] + scale.gap) / max(map(len, panel.rows))
    across = [(j + 0.5) * right - scale.gap / 2 - 0.5 for j in range(max(map(len, panel.rows)))]
    axes.set_frame_on(False)
    axes.set_title(panel.title, fontsize=10, **LITERAL)
    axes.xaxis.tick_top()
    axes.set_xticks(across[: len(panel.column_labels)], panel.column_labels, **LITERAL)
    middles = [(i + 0.5) * down - below / 2 - 0.5 for i in range(len(panel.row_labels))]
    axes.set_yticks(middles, panel.row_labels, **LITERAL)
    for i, row in enumerate(panel.captions):
        for j, caption in enumerate(row):
            axes.text(across[j], (i + 1) * down - below + 2, caption, ha="center", va="top", fontsize=7, **LITERAL)


def _row_gap(panel: Panel, scale: Scale) -> int:
    return scale.gap + (scale.caption if panel.captions else 0)


def _rgb(image: Path | Image.Image) -> Image.Image:
    return (read_image(image) if isinstance(image, Path) else image).convert("RGB")


def _fitted(image: Image.Image, side: int) -> Image.Image:
    """In the middle of a white square, its longer side as long as the square's."""
    width, height = (max(1, round(length * side / max(image.size))) for length in image.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(image.resize((width, height), Image.Resampling.BICUBIC), ((side - width) // 2, (side - height) // 2))
    return square
