"""The reverse process of an unconditional recipe, from noise to images → figures/process_RECIPE.png.

Runs all T steps of DDPM, even if the recipe is sampled with fewer.
"""

from pathlib import Path
from typing import Annotated

from difflab.config.diffusion import RecipeData, RecipeSamplingParams
from difflab.stage import WITHOUT_TEXT, Compute, Recipe, Section, run

ROWS, COLUMNS = 8, 8


def main(
    recipe: Recipe,
    compute: Compute,
    domains: Annotated[RecipeData, Section("recipes.{recipe}.data")],
    params: Annotated[RecipeSamplingParams, Section("recipes.{recipe}.sampling")],
) -> None:
    from difflab.data.pixels import to_pil
    from difflab.diffusion.noise_bank import bank_generators
    from difflab.diffusion.pipelines import load_recipe
    from difflab.diffusion.samplers import sampler_options
    from difflab.figures.image_grid import Panel, save_image_grid
    from difflab.systems.digits.rows import are_digits
    from difflab.training.device import make_accelerator

    folder = Path("models", recipe)
    pipeline = load_recipe(folder, False, make_accelerator(compute).device)
    num_steps = pipeline.scheduler.config["num_train_timesteps"]
    all_steps = {"sampler": "ddpm", "num_inference_steps": num_steps, "steps_offset": 0}
    options = sampler_options(params) | all_steps
    generators = bank_generators(params.seed, range(ROWS))
    trace = pipeline(count=ROWS, generator=generators, trace_steps=COLUMNS, **options).trace
    rows = [to_pil(trace.images[:, row]) for row in range(ROWS)]
    panel = Panel(rows, [f"noise {row + 1}" for row in range(ROWS)], [f"t = {time}" for time in trace.times])
    goal = "a digit" if are_digits(domains) else "an image"
    title = f"{recipe}: from pure noise to {goal} in {num_steps} steps of DDPM"
    inputs = sorted(path for path in folder.rglob("*") if path.is_file())
    save_image_grid([panel], title, Path(f"figures/process_{recipe}.png"), "process_grid", inputs)


if __name__ == "__main__":
    run(main, without=WITHOUT_TEXT)
