"""What is drawn, each image above its caption."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from difflab.figures.image_grid import Panel, save_image_grid

COLUMNS, ROWS = 6, 4
LINE = 24  # characters


def save_captioned(images: NDArray[np.uint8], captions: Sequence[str], path: Path, inputs: Sequence[Path]) -> None:
    """The first of `images` (N, S, S, 3), each drawn of one of `captions`."""
    count = min(len(images), COLUMNS * ROWS)
    lines = [range(start, min(start + COLUMNS, count)) for start in range(0, count, COLUMNS)]
    rows = [[Image.fromarray(images[number]) for number in line] for line in lines]
    below = [[fill(captions[number], LINE) for number in line] for line in lines]
    panel = Panel(rows, [], [], captions=below)
    save_image_grid([panel], "Captions that training has not seen", path, "evaluate_text_to_image", inputs)
