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
    """The first of `images` (N, S, S, 3)."""
    starts = range(0, min(len(images), COLUMNS * ROWS), COLUMNS)
    rows = [[Image.fromarray(image) for image in images[start : start + COLUMNS]] for start in starts]
    below = [[fill(caption, LINE) for caption in captions[start : start + COLUMNS]] for start in starts]
    panel = Panel(rows, [], [], captions=below)
    save_image_grid([panel], "Captions that training has not seen", path, "evaluate_text_to_image", inputs)
