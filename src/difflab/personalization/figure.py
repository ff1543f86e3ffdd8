"""The concepts, and what each method samples of them from the same noises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from difflab.figures.image_grid import Panel
from difflab.personalization.places import Method

TITLES: dict[Method, str] = {"textual_inversion": "textual inversion", "custom_diffusion": "Custom Diffusion"}
NUM_CONCEPT_IMAGES = 3
NUM_NOISES = 6


def concepts_panel(true_images: Mapping[str, Tensor]) -> Panel:
    """The first images (N, 3, S, S) uint8 of each concept, by its label."""
    rows = [
        [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images[:NUM_CONCEPT_IMAGES]]
        for images in true_images.values()
    ]
    return Panel(rows, list(true_images), [], "images of the concepts")


def samples_panel(rows: Mapping[str, Sequence[Path]], found: Mapping[str, Mapping[str, Tensor]]) -> Panel:
    """The first images of each row, by its label, above the concepts that `found`, (N,) bool by name, says it shows."""
    files = [paths[:NUM_NOISES] for paths in rows.values()]
    captions = [
        [_caption(found[label], number) for number in range(len(row))] for label, row in zip(rows, files, strict=True)
    ]
    columns = [f"noise {number:02d}" for number in range(max(map(len, files)))]
    title = "first training seed, the same noises; below each image the concepts found in it"
    return Panel(files, list(rows), columns, title, captions)


def _caption(found: Mapping[str, Tensor], number: int) -> str:
    """Empty where no concept is looked for."""
    return ", ".join(name for name, shown in found.items() if shown[number]) or ("none" if found else "")
