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

PANEL_GAP = 0.3  # inches between panels with their labels
LARGEST = 1024  # maximum side, in pixels, of images that are not resampled
LONGEST = 20_000  # maximum side of a panel in pixels; matplotlib's limit is 65,535 for a figure
LITERAL: dict[str, Any] = {"parse_math": False}  # a label may hold any text, also dollar signs


@dataclass(frozen=True)
class Scale:
    """Sizes in pixels: approximate side of an image, gap between images, height of a caption; and pixels per inch."""

    cell: int
    gap: int
    caption: int
    dpi: int


PRINT = Scale(cell=160, gap=8, caption=28, dpi=DPI)
SCREEN = Scale(cell=48, gap=4, caption=14, dpi=DPI // 2)  # for animations: a tenth of the pixels


@dataclass(frozen=True)
class Panel:
    """One grid of images `rows[i][j]`, with `row_labels[i]` to the left and `column_labels[j]` above.

    An image is a file or an RGB image; rows may have different lengths. `captions[i][j]` is shown below its image.
    Images are enlarged by a whole factor, but resampled to fit their cells if they differ in size, or are too large or
    too many.
    """

    rows: Sequence[Sequence[Path | Image.Image]]
    row_labels: Sequence[str]
    column_labels: Sequence[str]
    title: str = ""
    captions: Sequence[Sequence[str]] = ()


def save_image_grid(panels: list[Panel], title: str, path: Path, stage: str, inputs: Sequence[Path] = ()) -> None:
    """Write the figure of `plot_image_grid` as a PNG. `inputs`: its inputs other than the files that it shows.

    Raises DataError when an image file is missing or damaged.
    """
    shown = [image for panel in panels for row in panel.rows for image in row if isinstance(image, Path)]
    save_png(plot_image_grid(panels, title), path, Provenance.of(stage, [*shown, *inputs]))


@mpl.rc_context(STYLE)
def plot_image_grid(panels: list[Panel], title: str, scale: Scale = PRINT) -> Figure:
    """Plot the panels side by side under one title.

    Content can extend outside the figure: `save_png` and `save_gif` crop to the bounding box. Raises DataError when an
    image file is missing or damaged.
    """
    canvases = [_paste(panel, scale) for panel in panels]
    top = max(map(len, canvases))
    figure = Figure(figsize=(1, 1), dpi=scale.dpi)
    right = 0.0  # in pixels
    for panel, canvas in zip(panels, canvases, strict=True):
        height, width, _ = canvas.shape
        axes = figure.add_axes((0, 0, width / scale.dpi, height / scale.dpi))
        axes.imshow(canvas, interpolation="nearest", aspect="auto")
        _label(axes, panel, canvas, scale)
        drawn = axes.get_tightbbox()
        assert drawn  # None only if invisible
        left = round(right + PANEL_GAP * scale.dpi - drawn.x0)
        bottom = (top - height) / scale.dpi
        axes.set_position((left / scale.dpi, bottom, width / scale.dpi, height / scale.dpi))
        right = left + drawn.x1
    drawn = figure.get_tightbbox()
    figure.text((drawn.x0 + drawn.x1) / 2, drawn.y1 + 0.15, title, ha="center", fontsize=11, weight="bold", **LITERAL)
    return figure


def _paste(panel: Panel, scale: Scale) -> NDArray[np.uint8]:
    """Paste the images of a panel on a white canvas without margins: (H, W, 3)."""
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
    """Add title, labels and captions of a panel to `axes`; coordinates are pixels of its canvas."""
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
    """Resize an image so that its longer side is `side`, and center it on a white square."""
    width, height = (max(1, round(length * side / max(image.size))) for length in image.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(image.resize((width, height), Image.Resampling.BICUBIC), ((side - width) // 2, (side - height) // 2))
    return square
