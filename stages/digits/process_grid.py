"""From pure noise to digits at equal intervals of an unconditional recipe: models/RECIPE/ → figures/process_RECIPE.png.

All T steps of DDPM, whatever part of them the recipe's samples are drawn with.
"""

from pathlib import Path

from difflab.config.load import load_section

from difflab.config.diffusion import RecipeSamplingParams
from difflab.config.training import ComputeParams
from difflab.stage import recipe_argument, run

ROWS, COLUMNS = 8, 8


def main() -> None:
    recipe = recipe_argument(__doc__)
    compute = load_section(ComputeParams, "compute")
    params = load_section(RecipeSamplingParams, f"recipes.{recipe}.sampling")

    from difflab.data.pixels import to_pil
    from difflab.diffusion.noise_bank import bank_generators
    from difflab.diffusion.pipelines import UnconditionalPipeline
    from difflab.diffusion.samplers import sampler_options
    from difflab.figures.image_grid import Panel, save_image_grid
    from difflab.training.device import make_accelerator

    folder = Path("models", recipe)
    pipeline = UnconditionalPipeline.from_folder(folder).to(make_accelerator(compute).device)
    num_steps = pipeline.scheduler.config["num_train_timesteps"]
    all_steps = {"sampler": "ddpm", "num_inference_steps": num_steps, "steps_offset": 0}
    trace = pipeline(
        ROWS,
        generator=bank_generators(params.seed, range(ROWS)),
        trace_steps=COLUMNS,
        **(sampler_options(params) | all_steps),
    ).trace
    rows = [to_pil(trace.images[:, row]) for row in range(ROWS)]
    labels = [f"noise {row + 1}" for row in range(ROWS)]
    times = [f"t = {time}" for time in trace.times]
    title = f"{recipe}: from pure noise to a digit in {num_steps} steps of DDPM"
    inputs = sorted(path for path in folder.rglob("*") if path.is_file())
    save_image_grid([Panel(rows, labels, times)], title, Path(f"figures/process_{recipe}.png"), "process_grid", inputs)


if __name__ == "__main__":
    run(main)
