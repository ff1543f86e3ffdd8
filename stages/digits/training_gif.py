"""Samples of one recipe over its training: models/RECIPE/snapshots/ → figures/training_RECIPE.gif."""

from pathlib import Path
from typing import Annotated

from difflab.config.diffusion import RecipeData, RecipeSamplingParams
from difflab.config.studies import TrainingGifParams
from difflab.errors import UserError
from difflab.stage import WITHOUT_TEXT, Compute, Recipe, Section, run

COLUMNS = 8


def main(
    recipe: Recipe,
    compute: Compute,
    domains: Annotated[RecipeData, Section("recipes.{recipe}.data")],
    sampling: Annotated[RecipeSamplingParams, Section("recipes.{recipe}.sampling")],
    batch_size: Annotated[int, Section("recipes.{recipe}.training.batch_size")],
    params: Annotated[TrainingGifParams, Section("studies.training_gif")],
) -> None:
    folder = Path("models", recipe)
    snapshots = sorted(folder.glob("snapshots/step_*.safetensors"))
    if not snapshots:
        allowed = f"what recipes.{recipe}.training.num_snapshots > 0 keeps"
        raise UserError(f"{folder}/snapshots: found nothing, allowed: {allowed}")

    from torch import nn

    from difflab.data.classes import as_names
    from difflab.diffusion.noise_bank import bank_generators
    from difflab.diffusion.pipelines import DigitPipeline, load_recipe
    from difflab.diffusion.samplers import sampler_options
    from difflab.figures.files import Provenance, save_gif
    from difflab.figures.image_grid import SCREEN, Panel, plot_image_grid
    from difflab.models.safe_loading import load_weights
    from difflab.pipeline.progress import image_bar
    from difflab.training.device import make_accelerator

    pipeline = load_recipe(folder, True, make_accelerator(compute).device)
    weights = nn.ModuleDict({name: part for name, part in pipeline.components.items() if isinstance(part, nn.Module)})
    # Each class, in the first domain that has it.
    assert isinstance(pipeline, DigitPipeline)
    known = {d: pipeline.condition.classes if names == "all" else as_names(names) for d, names in domains.items()}
    rows = sorted({name: domain for domain, names in reversed(known.items()) for name in names}.items())
    request = sampler_options(sampling) | {
        "digit": [digit for digit, _ in rows for _ in range(COLUMNS)],
        "domain": [domain for _, domain in rows for _ in range(COLUMNS)],
        "guidance_scale": sampling.guidance_scale,
        "sampler": params.sampler,
        "num_inference_steps": params.num_inference_steps,
        "timestep_spacing": "trailing",  # with few steps, other spacings would not start from pure noise
        "steps_offset": 0,
    }
    figures = []
    with image_bar(f"{recipe} over its training", 0, len(snapshots) * len(rows) * COLUMNS) as bar:
        for file in snapshots:
            load_weights(weights, file)
            generators = bank_generators(sampling.seed, list(range(COLUMNS)) * len(rows))
            images = pipeline(**request, generator=generators).images
            bar.update(len(images))
            grid = [images[start : start + COLUMNS] for start in range(0, len(images), COLUMNS)]
            labels = [f"{digit}  {domain}" for digit, domain in rows]
            panel = Panel(grid, labels, [str(k + 1) for k in range(COLUMNS)], "noise input")
            step = int(file.stem.removeprefix("step_"))
            title = f"{recipe} after {step * batch_size:,} images (step {step:,})"
            figures.append(plot_image_grid([panel], title, SCREEN))
    save_gif(figures, Path(f"figures/training_{recipe}.gif"), Provenance.of("training_gif", snapshots))

    from difflab.diffusion.noise_bank import bank_generators
    from difflab.diffusion.samplers import sampler_options


if __name__ == "__main__":
    run(main, without=WITHOUT_TEXT)
