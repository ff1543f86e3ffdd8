"""Which samples the figures of recipes show, row by row. The files are those of plan.py."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from difflab.config.base import Domain
from difflab.config.diffusion import RecipeData, RecipeParams
from difflab.errors import UserError
from difflab.pipeline.files import atomic_write

SAME_NOISE = Path("studies/same_noise")  # RECIPE/: copies of the samples in its grid
NUM_NOISES = 10  # columns: the first noises of the bank
COLUMNS = [str(k + 1) for k in range(NUM_NOISES)]
DOMAINS: tuple[Domain, ...] = ("mnist", "mnistm", "svhn")  # the order of the rows
Rows = list[tuple[str, list[Path]]]  # the label of each row and its images


class NoiseRow(NamedTuple):
    """Samples of one recipe from the first noises of the bank: what the images show, and their files by noise."""

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
                rows.append(NoiseRow(name, shows, _files(Path(samples, name, domain), prefix)))
    return rows


def middle_digit(known: Iterable[list[int]]) -> int | None:
    """The middle one of the digits that are in the most of the lists `known`; None when there is no list."""
    counts = Counter(digit for digits in known for digit in set(digits))
    best = sorted(digit for digit, count in counts.items() if count == max(counts.values()))
    return best[len(best) // 2] if best else None


def grid_of_noises(samples: Path, domain: str) -> dict[str, Rows]:
    """A hundred samples of an unconditional recipe, ten to a row; the key is the panel's heading."""
    rows = [
        (f"noises {first + 1}–{first + NUM_NOISES}", _files(samples / domain, "", first)) for first in range(0, 100, 10)
    ]
    return {"noise input of the first row": rows}


def grid_of_digits(samples: Path, domains: RecipeData) -> dict[str, Rows]:
    """The rows of each panel by its heading: a panel for each domain, or one for all that share no digit."""
    shown = sorted((digit, domain) for domain, digits in domains.items() for digit in digits)
    images = {(digit, domain): _files(samples / domain, f"{digit}_") for digit, domain in shown}
    if len({digit for digit, _ in shown}) == len(shown) and len(domains) > 1:
        return {"noise input": [(f"{digit}  {domain}", images[digit, domain]) for digit, domain in shown]}
    return {
        f"{domain}: noise input": [(str(digit), images[digit, domain]) for digit in sorted(digits)]
        for domain, digits in domains.items()
    }


def copy_rows(grids: Mapping[str, Rows], samples: Path, folder: Path) -> None:
    """Write `folder`, with copies of the files of all rows in the places that they have in `samples`."""
    files = [file for rows in grids.values() for _, row in rows for file in row]
    with atomic_write(folder) as partial:
        for file in files:
            copy = partial / file.relative_to(samples)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)


def trace_rows(folder: Path) -> Rows:
    """From noise to image, by digit, then by domain; folders are DOMAIN_DIGIT, or DOMAIN of an unconditional recipe."""
    traces = sorted(folder.glob("*"), key=lambda trace: trace.name.split("_")[::-1])
    names = sorted({file.name for trace in traces for file in trace.glob("t*.png")}, reverse=True)
    if not names:
        raise UserError(f"{folder}: found nothing, allowed: what `dvc repro sample@{folder.parent.name}` makes")
    return [("  ".join(trace.name.split("_")[::-1]), [trace / name for name in names]) for trace in traces]


def _files(folder: Path, prefix: str, first: int = 0) -> list[Path]:
    return [folder / f"{prefix}{first + k + 1:03d}.png" for k in range(NUM_NOISES)]
