"""A hundred samples of each domain of one recipe: samples/RECIPE/ → figures/grid_RECIPE.png.

Rows are digits and columns noises. Without a condition every sample has a noise of its own, ten to a row; those of the
first row are the columns of the other recipes' grids.
"""

from pathlib import Path

from difflab.config.load import load_section

from difflab.config.diffusion import ConditionParams, RecipeData
from difflab.stage import recipe_argument, run

COLUMNS = range(1, 11)
Rows = list[tuple[str, list[Path]]]  # the label of each row and its images


def main() -> None:
    recipe = recipe_argument(__doc__)
    domains = load_section(RecipeData, f"recipes.{recipe}.data")
    condition = load_section(ConditionParams | None, f"recipes.{recipe}.condition")

    from difflab.figures.image_grid import Panel, save_image_grid

    samples = Path("samples", recipe)
    if condition is None:
        title = f"{recipe}: a hundred samples, each from a noise of its own"
        panels = {"noise input of the first row": rows_of_noises(samples, *domains)}
    else:
        title = f"{recipe}: ten samples of each digit"
        panels = rows_of_digits(samples, domains)
    grids = [
        Panel([files for _, files in rows], [label for label, _ in rows], [str(k) for k in COLUMNS], heading)
        for heading, rows in panels.items()
    ]
    save_image_grid(grids, title, Path(f"figures/grid_{recipe}.png"), "grid")


def rows_of_noises(samples: Path, domain: str) -> Rows:
    return [
        (f"noises {first + 1}–{first + 10}", [samples / domain / f"{first + k:03d}.png" for k in COLUMNS])
        for first in range(0, 100, 10)
    ]


def rows_of_digits(samples: Path, domains: dict[str, list[int]]) -> dict[str, Rows]:
    """The rows of each panel by its heading: a panel for each domain, or one for all that share no digit."""
    shown = sorted((digit, domain) for domain, digits in domains.items() for digit in digits)
    images = {row: [samples / row[1] / f"{row[0]}_{k:03d}.png" for k in COLUMNS] for row in shown}
    if len({digit for digit, _ in shown}) == len(shown) and len(domains) > 1:
        return {"noise input": [(f"{digit}  {domain}", images[digit, domain]) for digit, domain in shown]}
    return {
        f"{domain}: noise input": [(str(digit), images[digit, domain]) for digit in sorted(digits)]
        for domain, digits in domains.items()
    }


if __name__ == "__main__":
    run(main)
