"""Samples of all recipes from the same noises, side by side: studies/same_noise/ → figures/same_noise.png.

Shows one digit for each domain: the middle one of the digits that most recipes have learned.
"""

from pathlib import Path
from typing import Annotated

from difflab.config.diffusion import RecipeParams
from difflab.stage import Section, run


def main(recipes: Annotated[dict[str, RecipeParams], Section("recipes")]) -> None:
    from difflab.figures.image_grid import Panel, save_image_grid
    from difflab.systems.digits.rows import COLUMNS, SAME_NOISE, noise_rows

    rows = noise_rows(recipes, SAME_NOISE)
    labels = [f"{row.recipe}\n{row.shows}" for row in rows]
    same = len({recipe.sampling.seed for recipe in recipes.values()}) == 1
    title = f"Each recipe from {'the same ten noises' if same else 'ten noises, not the same: the seeds differ'}"
    panel = Panel([row.files for row in rows], labels, COLUMNS, "noise input")
    save_image_grid([panel], title, Path("figures/same_noise.png"), "same_noise")


if __name__ == "__main__":
    run(main)
