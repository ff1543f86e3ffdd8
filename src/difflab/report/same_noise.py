"""What every recipe made of the first noises, as strips of equal layout that can be laid over one another."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from difflab.params import RecipeParams
from difflab.report.images import Embedded, embed

NUM_NOISES = 10
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


def read_strips(recipes: dict[str, RecipeParams], samples: Path = Path("samples")) -> list[Strip]:
    """One for each recipe and domain that has samples, of the digit of that domain that the most recipes know."""
    data = [recipe.data.items() for recipe in recipes.values()]
    known = Counter((domain, digit) for domains in data for domain, digits in domains for digit in digits)
    strips = []
    for name, recipe in recipes.items():
        for domain, digits in recipe.data.items():
            digit = max(digits, key=lambda digit: (known[domain, digit], -digit))
            prefix = f"{digit}_" if recipe.condition else ""
            files = [samples / name / domain / f"{prefix}{k + 1:03d}.png" for k in range(NUM_NOISES)]
            images = [Image.open(file).convert("RGB") for file in files if file.exists()]  # a small profile draws fewer
            shows = f"{domain}, digit {digit}" if recipe.condition else domain
            if images:
                strips.append(Strip(name, shows, recipe.sampling.seed, _joined(images)))
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
