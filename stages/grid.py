"""Ten samples of each digit of one recipe: samples/RECIPE/ → figures/grid_RECIPE.png."""

import argparse
from pathlib import Path

from difflab.params import RecipeData, load_section
from difflab.stage import run

COLUMNS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", help="an entry of params.yaml: recipes")
    recipe = parser.parse_args().recipe
    domains = load_section(RecipeData, f"recipes.{recipe}.data")

    from difflab.figures.image_grid import Panel, save_image_grid

    def panel(rows: list[tuple[int, str]], labels: list[str], title: str) -> Panel:
        files = [
            [Path("samples", recipe, domain, f"{digit}_{k + 1:03d}.png") for k in range(COLUMNS)]
            for digit, domain in rows
        ]
        return Panel(files, labels, [str(k + 1) for k in range(COLUMNS)], title)

    rows = sorted((digit, domain) for domain, digits in domains.items() for digit in digits)
    if len({digit for digit, _ in rows}) == len(rows):  # no digit in two domains: one grid holds all
        panels = [panel(rows, [f"{digit}  {domain}" for digit, domain in rows], "noise input")]
    else:
        panels = [
            panel([row for row in rows if row[1] == domain], [str(d) for d in sorted(digits)], f"{domain}: noise input")
            for domain, digits in domains.items()
        ]
    title = f"{recipe}: ten samples of each digit"
    save_image_grid(panels, title, Path(f"figures/grid_{recipe}.png"), "grid")


if __name__ == "__main__":
    run(main)
