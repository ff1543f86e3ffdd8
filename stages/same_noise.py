"""What all recipes make of the same noises, image by image: samples/ → figures/same_noise.png.

For each domain one digit: the middle one of those that the most recipes know.
"""

import argparse
from collections import Counter
from pathlib import Path

from difflab.params import Domain, RecipeParams, load_section
from difflab.stage import run

COLUMNS = 10
DOMAINS: tuple[Domain, ...] = ("mnist", "mnistm", "svhn")  # the order of the rows
Recipes = dict[str, RecipeParams]


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    recipes = load_section(Recipes, "recipes")

    from difflab.figures.image_grid import Panel, save_image_grid

    rows, labels = [], []
    for domain in DOMAINS:
        digit = middle_digit([recipe.data[domain] for recipe in recipes.values() if domain in recipe.data])
        for name, recipe in recipes.items():
            if digit in recipe.data.get(domain, []):
                prefix, shown = (f"{digit}_", f"{domain}, digit {digit}") if recipe.condition else ("", domain)
                rows.append([Path("samples", name, domain, f"{prefix}{k + 1:03d}.png") for k in range(COLUMNS)])
                labels.append(f"{name}\n{shown}")
    same = len({recipe.sampling.seed for recipe in recipes.values()}) == 1
    save_image_grid(
        [Panel(rows, labels, [str(k + 1) for k in range(COLUMNS)], "noise input")],
        f"Each recipe from {'the same ten noises' if same else 'ten noises, not the same: the seeds differ'}",
        Path("figures/same_noise.png"),
        "same_noise",
    )


def middle_digit(known: list[list[int]]) -> int | None:
    """Of the digits in the most of the lists `known` the middle one; None when there is no list."""
    counts = Counter(digit for digits in known for digit in set(digits))
    best = sorted(digit for digit, count in counts.items() if count == max(counts.values()))
    return best[len(best) // 2] if best else None


if __name__ == "__main__":
    run(main)
