"""The samples of all recipes that started from the same noises: the figure and the report's slider show these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from difflab.config.base import Domain
from difflab.config.diffusion import RecipeParams

NUM_NOISES = 10
DOMAINS: tuple[Domain, ...] = ("mnist", "mnistm", "svhn")  # the order of the rows


class NoiseRow(NamedTuple):
    """What one recipe made of the first noises of the bank: what the images show, and their files by noise."""

    recipe: str
    shows: str
    files: list[Path]


def noise_rows(recipes: dict[str, RecipeParams], samples: str | Path = "samples") -> list[NoiseRow]:
    """For each domain one row for each recipe that knows the domain's digit, which is `middle_digit`."""
    rows = []
    for domain in DOMAINS:
        digit = middle_digit(recipe.data[domain] for recipe in recipes.values() if domain in recipe.data)
        for name, recipe in recipes.items():
            if digit in recipe.data.get(domain, []):
                prefix, shows = (f"{digit}_", f"{domain}, digit {digit}") if recipe.condition else ("", domain)
                files = [Path(samples, name, domain, f"{prefix}{k + 1:03d}.png") for k in range(NUM_NOISES)]
                rows.append(NoiseRow(name, shows, files))
    return rows


def middle_digit(known: Iterable[list[int]]) -> int | None:
    """The middle one of the digits that are in the most of the lists `known`; None when there is no list."""
    counts = Counter(digit for digits in known for digit in set(digits))
    best = sorted(digit for digit, count in counts.items() if count == max(counts.values()))
    return best[len(best) // 2] if best else None
