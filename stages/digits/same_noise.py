"""What all recipes make of the same noises, image by image: samples/ → figures/same_noise.png.

For each domain one digit: the middle one of those that the most recipes know.
"""

import argparse
from pathlib import Path

from difflab.config.load import load_section

from difflab.config.diffusion import RecipeParams
from difflab.stage import run

Recipes = dict[str, RecipeParams]


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    recipes = load_section(Recipes, "recipes")

    from difflab.figures.image_grid import Panel, save_image_grid
    from difflab.same_noise import NUM_NOISES, noise_rows

    rows = noise_rows(recipes)
    labels = [f"{row.recipe}\n{row.shows}" for row in rows]
    columns = [str(k + 1) for k in range(NUM_NOISES)]
    same = len({recipe.sampling.seed for recipe in recipes.values()}) == 1
    save_image_grid(
        [Panel([row.files for row in rows], labels, columns, "noise input")],
        f"Each recipe from {'the same ten noises' if same else 'ten noises, not the same: the seeds differ'}",
        Path("figures/same_noise.png"),
        "same_noise",
    )


if __name__ == "__main__":
    run(main)
