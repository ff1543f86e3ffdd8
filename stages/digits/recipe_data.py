"""Copy the data sets of one recipe: prepared/sets/DOMAIN.safetensors → prepared/recipes/RECIPE/DOMAIN.safetensors.

Because of the copy, a change to a data set that the recipe does not use reruns no stage of the recipe.
"""

import shutil
from pathlib import Path
from typing import Annotated

from difflab.config.diffusion import RecipeData
from difflab.pipeline.files import atomic_write
from difflab.stage import Recipe, Section, run


def main(recipe: Recipe, domains: Annotated[RecipeData, Section("recipes.{recipe}.data")]) -> None:
    with atomic_write(Path("prepared/recipes", recipe)) as folder:
        folder.mkdir()
        for domain in domains:
            shutil.copy(Path("prepared/sets", f"{domain}.safetensors"), folder)


if __name__ == "__main__":
    run(main)
