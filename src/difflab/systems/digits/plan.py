"""The files of a recipe's samples, with their class, domain and starting noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from difflab.config.diffusion import RecipeData
from difflab.data.classes import as_names, file_part
from difflab.data.pixels import to_pil


class PlannedImage(NamedTuple):
    """An image to sample."""

    file: str
    trace: str | None  # folder for its trace; None if it is not saved
    domain: str
    digit: str | None  # the name of its class
    noise: int  # number in the noise bank


def plan_images(domains: RecipeData, images_per_digit: int, classes: Sequence[str] | None) -> list[PlannedImage]:
    """Plan the samples of a recipe; image k of every class and domain starts from noise k of the bank.

    So the images in a column of a grid share their noise. `classes`: all classes of the model, or None for an
    unconditional recipe, which gets 10 · `images_per_digit` images. A trace is saved for the first image of each
    domain's alphabetically first class, or for the first image of an unconditional recipe.
    """
    if classes is None:
        [domain] = domains
        return [
            PlannedImage(f"{domain}/{k + 1:03d}.png", f"trace/{domain}" if k == 0 else None, domain, None, k)
            for k in range(10 * images_per_digit)
        ]
    asked = {domain: list(classes) if names == "all" else as_names(names) for domain, names in domains.items()}
    return [
        PlannedImage(
            f"{domain}/{file_part(name)}_{k + 1:03d}.png",
            f"trace/{domain}_{file_part(name)}" if k == 0 and name == min(names) else None,
            domain,
            name,
            k,
        )
        for domain, names in asked.items()
        for name in names
        for k in range(images_per_digit)
    ]


def save_image(folder: Path, image: PlannedImage, trace: Tensor, times: list[int]) -> None:
    """Write the last image of `trace` (len(times), 3, S, S), and all its images if `image.trace` is set."""
    *_, last = pictures = to_pil(trace)
    files = {folder / image.file: last}
    if image.trace:
        files |= {folder / image.trace / f"t{t:04d}.png": picture for t, picture in zip(times, pictures, strict=True)}
    for file, picture in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        picture.save(file)
