"""What is drawn, each image beside its caption."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from difflab.figures.image_grid import Panel, save_image_grid

COLUMNS, ROWS = 4, 6
LINE = 22  # characters


def save_captioned(images: NDArray[np.uint8], captions: Sequence[str], path: Path, inputs: Sequence[Path]) -> None:
    """The first of `images` (N, S, S, 3), each drawn of one of `captions`."""
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
    save_image_grid(panels, "Captions that training has not seen", path, "evaluate_text_to_image", inputs)
