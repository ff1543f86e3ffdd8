"""Figures of the samples of one recipe: samples/RECIPE/ → figures/grid_RECIPE.png, figures/reverse_RECIPE.png.

The images of the grid are copied to studies/same_noise/RECIPE/ for the stage same_noise.
The grid has ten samples of each class and domain: one row for each class, one column for each noise. For an
unconditional recipe every sample has its own noise, ten in a row; the noises of the first row are those of the columns
in the grids of the other recipes.
"""

from pathlib import Path
from typing import Annotated

from difflab.config.diffusion import ConditionParams, RecipeData
from difflab.stage import Recipe, Section, run


def main(
    recipe: Recipe,
    domains: Annotated[RecipeData, Section("recipes.{recipe}.data")],
    condition: Annotated[ConditionParams | None, Section("recipes.{recipe}.condition")],
) -> None:
    from difflab.figures.image_grid import Panel, save_image_grid
    from difflab.systems.digits.rows import (
        COLUMNS,
        SAME_NOISE,
        are_digits,
        copy_rows,
        grid_of_classes,
        grid_of_noises,
        trace_rows,
    )

    samples = Path("samples", recipe)
    if condition is None:
        title = f"{recipe}: a hundred samples, each from a noise of its own"
        grids = grid_of_noises(samples, *domains)
    else:
        grids = grid_of_classes(samples, domains)
        title = f"{recipe}: ten samples of each {'digit' if are_digits(domains) else 'class'}"
    panels = [
        Panel([files for _, files in rows], [label for label, _ in rows], COLUMNS, heading)
        for heading, rows in grids.items()
    ]
    save_image_grid(panels, title, Path(f"figures/grid_{recipe}.png"), "grid")
    copy_rows(grids, samples, SAME_NOISE / recipe)

    labels, rows = zip(*trace_rows(samples / "trace"), strict=True)
    panel = Panel(rows, labels, [f"t = {int(file.stem[1:])}" for file in rows[0]])
    title = f"{recipe}: from pure noise to {'a digit' if are_digits(domains) else 'an image'}"
    save_image_grid([panel], title, Path(f"figures/reverse_{recipe}.png"), "grid")


if __name__ == "__main__":
    run(main)
