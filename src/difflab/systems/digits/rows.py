"""The samples in the figures of recipes, row by row; plan.py defines the files."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from difflab.config.diffusion import All, RecipeData, RecipeParams
from difflab.data.classes import DIGITS, as_names, class_of, file_part
from difflab.errors import UserError
from difflab.pipeline.files import atomic_write

SAME_NOISE = Path("studies/same_noise")  # RECIPE/ has copies of the samples in its grid
NUM_NOISES = 10  # columns: the first noises of the bank
COLUMNS = [str(k + 1) for k in range(NUM_NOISES)]
MOST_ROWS = 50  # of a panel
Rows = list[tuple[str, list[Path]]]  # the label of each row and its images


class NoiseRow(NamedTuple):
    """Samples of one recipe from the first noises of the bank: a description of their content, and their files."""

    recipe: str
    shows: str
    files: list[Path]


def noise_rows(recipes: dict[str, RecipeParams], samples: str | Path = "samples") -> list[NoiseRow]:
    """For each domain, one row for each unconditional recipe and each recipe with the domain's `middle_class`."""
    rows = []
    for domain in sorted({domain for recipe in recipes.values() for domain in recipe.data}):
        folders = {name: Path(samples, name, domain) for name, recipe in recipes.items() if domain in recipe.data}
        known = {
            name: classes_sampled(folder, recipes[name].data[domain])
            for name, folder in folders.items()
            if recipes[name].condition
        }
        middle = middle_class(known.values())
        for name, folder in folders.items():
            if name not in known:
                rows.append(NoiseRow(name, domain, _files(folder, "")))
            elif middle in known[name]:
                kind = "digit" if middle in DIGITS else "class"
                rows.append(NoiseRow(name, f"{domain}, {kind} {middle}", _files(folder, f"{file_part(middle)}_")))
    return rows


def are_digits(domains: RecipeData) -> bool:
    """Whether all classes that a recipe lists are digits."""
    return all(names != "all" and set(as_names(names)) <= set(DIGITS) for names in domains.values())


def classes_sampled(folder: Path, names: Sequence[str | int] | All) -> list[str]:
    """The class names of a conditional recipe, sorted; for "all", the classes that have files in `folder`."""
    if names != "all":
        return sorted(as_names(names))
    return sorted({class_of(file.stem.rpartition("_")[0]) for file in folder.glob("*_*.png")})


def middle_class(known: Iterable[list[str]]) -> str | None:
    """The middle one, in sorted order, of the classes that occur in most lists of `known`; None if there is no list."""
    counts = Counter(name for names in known for name in set(names))
    best = sorted(name for name, count in counts.items() if count == max(counts.values()))
    return best[len(best) // 2] if best else None


def grid_of_noises(samples: Path, domain: str) -> dict[str, Rows]:
    """A hundred samples of an unconditional recipe, ten in each row; the key is the title of the panel."""
    rows = [
        (f"noises {first + 1}–{first + NUM_NOISES}", _files(samples / domain, "", first)) for first in range(0, 100, 10)
    ]
    return {"noise input of the first row": rows}


def grid_of_classes(samples: Path, domains: RecipeData) -> dict[str, Rows]:
    """The rows of each panel by its title: a panel for each domain, or one for all domains if they share no class.

    Only the first `MOST_ROWS` classes of a domain are shown.
    """
    known = {domain: classes_sampled(samples / domain, names)[:MOST_ROWS] for domain, names in domains.items()}
    shown = sorted((name, domain) for domain, names in known.items() for name in names)
    images = {(name, domain): _files(samples / domain, f"{file_part(name)}_") for name, domain in shown}
    if len({name for name, _ in shown}) == len(shown) and len(domains) > 1:
        return {"noise input": [(f"{name}  {domain}", images[name, domain]) for name, domain in shown]}
    return {
        f"{domain}: noise input": [(name, images[name, domain]) for name in names] for domain, names in known.items()
    }


def copy_rows(grids: Mapping[str, Rows], samples: Path, folder: Path) -> None:
    """Write `folder`, with copies of the files in all rows at the same paths as in `samples`."""
    files = [file for rows in grids.values() for _, row in rows for file in row]
    with atomic_write(folder) as partial:
        for file in files:
            copy = partial / file.relative_to(samples)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)


def trace_rows(folder: Path) -> Rows:
    """The traces in `folder`, each from noise to image, sorted by class and domain. Raises UserError if there are none.

    Their folders are named DOMAIN_CLASS, or DOMAIN for an unconditional recipe.
    """

    def shows(trace: Path) -> list[str]:
        domain, has_class, part = trace.name.partition("_")
        return [class_of(part), domain] if has_class else [domain]

    traces = sorted(folder.glob("*"), key=shows)
    names = sorted({file.name for trace in traces for file in trace.glob("t*.png")}, reverse=True)
    if not names:
        raise UserError(f"{folder}: found nothing, allowed: what `dvc repro sample@{folder.parent.name}` makes")
    return [("  ".join(shows(trace)), [trace / name for name in names]) for trace in traces]


def _files(folder: Path, prefix: str, first: int = 0) -> list[Path]:
    return [folder / f"{prefix}{first + k + 1:03d}.png" for k in range(NUM_NOISES)]
