"""The concepts, and what each method draws of them from the same noises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from difflab.figures.image_grid import Panel

NUM_CONCEPT_IMAGES = 4
NUM_NOISES = 10


def concepts_panel(true_images: Mapping[str, Tensor]) -> Panel:
    """The first images (N, 3, S, S) uint8 of each concept, by its token."""
    rows = [
        [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images[:NUM_CONCEPT_IMAGES]]
        for images in true_images.values()
    ]
    return Panel(rows, list(true_images), [], "images of the concepts")


def samples_panel(rows: Mapping[str, Sequence[Path]], found: Mapping[str, Mapping[str, Tensor]]) -> Panel:
    """The first images of each row, by its label, above the tokens that `found` says each shows: (N,) bool by token."""
    files = [paths[:NUM_NOISES] for paths in rows.values()]
    captions = [
        [_caption(found[label], number) for number in range(len(row))] for label, row in zip(rows, files, strict=True)
    ]
    columns = [f"noise {number:02d}" for number in range(max(map(len, files)))]
    return Panel(files, list(rows), columns, "the same noises; below each image the concepts found in it", captions)


def _caption(found: Mapping[str, Tensor], number: int) -> str:
    """Empty where no concept is looked for."""
    return ", ".join(token.strip("<>") for token, shown in found.items() if shown[number]) or ("none" if found else "")
