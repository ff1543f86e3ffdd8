"""What the recipes made of the first noises, as strips of equal layout that can be laid over one another."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from difflab.params import RecipeParams
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
    """Those of `noise_rows` that have samples; a small profile draws fewer than NUM_NOISES."""
    strips = []
    for name, shows, files in noise_rows(recipes, samples):
        images = [Image.open(file).convert("RGB") for file in files if file.exists()]
        if images:
            strips.append(Strip(name, shows, recipes[name].sampling.seed, _joined(images)))
    shown = Counter(strip.shows for strip in strips)
    return sorted(strips, key=lambda strip: (-shown[strip.shows], strip.shows))  # what most recipes draw comes first


def _joined(images: list[Image.Image]) -> Embedded:
    width, height = images[0].size
    strip = Image.new("RGB", (NUM_NOISES * (width + GAP) - GAP, height), "white")
    for i, image in enumerate(images):
        strip.paste(image, (i * (width + GAP), 0))
    buffer = io.BytesIO()
    strip.save(buffer, format="PNG")
    return embed("strip.png", buffer.getvalue())
