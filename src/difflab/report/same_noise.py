"""What the recipes made of the first noises, as strips of equal layout that can be laid over one another."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from difflab.config.diffusion import RecipeParams
from difflab.data.images import read_equal_sizes
from difflab.report.images import Embedded, embed
from difflab.same_noise import NUM_NOISES, noise_rows

GAP = 1  # pixels


@dataclass(frozen=True)
class Strip:
    recipe: str
    shows: str
    seed: int  # of the noise bank
    image: Embedded

    @property
    def label(self) -> str:
        return f"{self.recipe}, {self.shows}"


def read_strips(recipes: dict[str, RecipeParams], samples: str | Path = "samples") -> list[Strip]:
    """Those of `noise_rows` that have samples. Raises DataError where one of several images is missing or damaged."""
    strips = []
    for name, shows, files in noise_rows(recipes, samples):
        if any(file.exists() for file in files):
            strips.append(Strip(name, shows, recipes[name].sampling.seed, _joined(read_equal_sizes(files))))
    shown = Counter(strip.shows for strip in strips)
    return sorted(strips, key=lambda strip: (-shown[strip.shows], strip.shows))  # what most recipes draw comes first


def _joined(images: NDArray[np.uint8]) -> Embedded:
    """`images` (N, H, W, 3) in one row."""
    _, height, width, _ = images.shape
    strip = Image.new("RGB", (NUM_NOISES * (width + GAP) - GAP, height), "white")
    for i, image in enumerate(images):
        strip.paste(Image.fromarray(image), (i * (width + GAP), 0))
    buffer = io.BytesIO()
    strip.save(buffer, format="PNG")
    return embed("strip.png", buffer.getvalue())
