"""What one recipe draws as its training goes on: models/RECIPE/snapshots/ → figures/training_RECIPE.gif."""

from pathlib import Path

from difflab.config.base import Domain
from difflab.config.load import load_section

from difflab.config.diffusion import RecipeData, RecipeSamplingParams, TrainingGifParams
from difflab.config.training import ComputeParams
from difflab.errors import UserError
from difflab.stage import recipe_argument, run

COLUMNS = 8


def main() -> None:
    recipe = recipe_argument(__doc__)
    compute = load_section(ComputeParams, "compute")
    domains = load_section(RecipeData, f"recipes.{recipe}.data")
    sampling = load_section(RecipeSamplingParams, f"recipes.{recipe}.sampling")
    batch_size = load_section(int, f"recipes.{recipe}.training.batch_size")
    params = load_section(TrainingGifParams, "studies.training_gif")
    folder = Path("models", recipe)
    snapshots = sorted(folder.glob("snapshots/step_*.safetensors"))
    if not snapshots:
        raise UserError(
            f"{folder}/snapshots: found nothing, allowed: what recipes.{recipe}.training.num_snapshots > 0 keeps"
        )

    from torch import nn

    from difflab.diffusion.pipelines import DigitPipeline
    from difflab.figures.files import Provenance, save_gif
    from difflab.figures.image_grid import SCREEN, Panel, plot_image_grid
    from difflab.models.safe_loading import load_weights
    from difflab.pipeline.progress import image_bar
    from difflab.training.device import make_accelerator

    pipeline = DigitPipeline.from_folder(folder).to(make_accelerator(compute).device)
    pipeline.set_progress_bar_config(disable=True)
    weights = nn.ModuleDict({name: part for name, part in pipeline.components.items() if isinstance(part, nn.Module)})
    # Each digit in the first domain that has it.
    rows = sorted({digit: domain for domain, digits in reversed(domains.items()) for digit in digits}.items())
    figures = []
    with image_bar(f"{recipe} over its training", 0, len(snapshots) * len(rows) * COLUMNS) as bar:
        for file in snapshots:
            load_weights(weights, file)
            shown = draw(pipeline, rows, sampling, params)
            bar.update(len(rows) * COLUMNS)
            labels = [f"{digit}  {domain}" for digit, domain in rows]
            panel = Panel(shown, labels, [str(k + 1) for k in range(COLUMNS)], "noise input")
            step = int(file.stem.removeprefix("step_"))
            title = f"{recipe} after {step * batch_size:,} images (step {step:,})"
            figures.append(plot_image_grid([panel], title, SCREEN))
    save_gif(figures, Path(f"figures/training_{recipe}.gif"), Provenance.of("training_gif", snapshots))


def draw(pipeline, rows: list[tuple[int, Domain]], sampling: RecipeSamplingParams, params: TrainingGifParams) -> list:
    """For each digit and domain the images of the first noises of the bank."""
    from difflab.diffusion.noise_bank import bank_generators
    from difflab.diffusion.samplers import sampler_options

    options = sampler_options(sampling) | {
        "sampler": params.sampler,
        "num_inference_steps": params.num_inference_steps,
        "timestep_spacing": "trailing",  # with few steps the others would not start from pure noise
        "steps_offset": 0,
    }
    images = pipeline(
        digit=[digit for digit, _ in rows for _ in range(COLUMNS)],
        domain=[domain for _, domain in rows for _ in range(COLUMNS)],
        generator=bank_generators(sampling.seed, list(range(COLUMNS)) * len(rows)),
        guidance_scale=sampling.guidance_scale,
        **options,
    ).images
    return [images[start : start + COLUMNS] for start in range(0, len(images), COLUMNS)]


if __name__ == "__main__":
    run(main)
