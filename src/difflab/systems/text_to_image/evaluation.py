"""Metrics and figure of the text-to-image model: how well images match their captions."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from difflab.evaluation.circle_metrics import MEASURES, delta_e, foreground, lab, roundness
from difflab.evaluation.intervals import median
from difflab.figures.image_grid import Panel, save_image_grid

PROTOCOL = MEASURES | {
    "iou": f"{MEASURES['iou']}; of the foreground and the circle of its area around its centroid",
    "color": "of the circle, of the foreground's pixels; of the background, of all others",
    "captions": "held out: of one circle, with a pair of colors that training has not seen together",
}
COLUMNS, ROWS = 4, 6
LINE = 22  # characters


def text_to_image_metrics(images: NDArray[np.uint8], colors: NDArray[np.uint8]) -> dict[str, Any]:
    """Metrics of `images` (N, S, S, 3) uint8 for captions of one circle with `colors` (N, 3, 3) uint8, as in Scenes."""
    rows = [_measure(image, asked) for image, asked in zip(images, colors, strict=True)]
    overlaps, circles, backgrounds = map(np.array, zip(*rows, strict=True))
    return {
        "num_images": len(images),
        "iou": asdict(median(overlaps)),
        "circle_delta_e": asdict(median(circles)),
        "background_delta_e": asdict(median(backgrounds)),
        "share_without_circle": float((overlaps == 0).mean()),
        "protocol": PROTOCOL | {"image_size": images.shape[1]},
    }


def _measure(image: NDArray[np.uint8], colors: NDArray[np.uint8]) -> tuple[float, float, float]:
    pixels = lab(image)
    shape = foreground(pixels)
    inside = shape if shape.any() else ~shape
    return roundness(shape), delta_e(pixels[inside], colors[0]), delta_e(pixels[~shape], colors[2])


def save_captioned(images: NDArray[np.uint8], captions: Sequence[str], path: Path, inputs: Sequence[Path]) -> None:
    """Write a figure of the first of `images` (N, S, S, 3), each next to its caption."""
    count = min(len(images), COLUMNS * ROWS)
    columns = [range(start, min(start + ROWS, count)) for start in range(0, count, ROWS)]
    panels = [
        Panel(
            rows=[[Image.fromarray(images[number])] for number in column],
            row_labels=[fill(captions[number], LINE) for number in column],
            column_labels=[],
        )
        for column in columns
    ]
    save_image_grid(panels, "Samples for held-out captions", path, "evaluate_text_to_image", inputs)
