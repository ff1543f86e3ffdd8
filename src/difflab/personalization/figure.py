"""The concepts, and what each method samples of them from the same noises."""

from __future__ import annotations

from collections.abc import Mapping

from PIL import Image
from torch import Tensor

from difflab.evaluation.samples import sample_files
from difflab.figures.image_grid import Panel
from difflab.systems.personalization.paths import Method, sample_folder

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


def samples_panel(prompts: Mapping[int, str], found: Mapping[tuple[str, int], Mapping[str, Tensor]]) -> Panel:
    """The first images of each prompt and method, with the concepts that `found`, (N,) bool by name, has in each."""
    rows: list[tuple[Method, int]] = [(method, i) for i in prompts for method in TITLES]
    labels = [f"{TITLES[method]}\n{prompts[i]}" for method, i in rows]
    files = [sample_files(sample_folder(method, 0, i))[:NUM_NOISES] for method, i in rows]
    captions = [
        [_caption(found[row], number) for number in range(len(images))] for row, images in zip(rows, files, strict=True)
    ]
    columns = [f"noise {number:02d}" for number in range(max(map(len, files)))]
    title = "first training seed, the same noises; below each image the concepts found in it"
    return Panel(files, labels, columns, title, captions)


def _caption(found: Mapping[str, Tensor], number: int) -> str:
    """Empty where no concept is looked for."""
    return ", ".join(name for name, shown in found.items() if shown[number]) or ("none" if found else "")
