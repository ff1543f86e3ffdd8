"""Sample a recipe with few steps, and with all: models/RECIPE/ → studies/few_steps/RECIPE.safetensors."""

from pathlib import Path

from difflab.config.load import load_section

from difflab.config.diffusion import FewStepsParams, RecipeData, RecipeSamplingParams
from difflab.config.training import ComputeParams
from difflab.stage import recipe_argument, run


def main() -> None:
    recipe = recipe_argument(__doc__)
    compute = load_section(ComputeParams, "compute")
    study = load_section(FewStepsParams, f"studies.few_steps.{recipe}")
    domains = load_section(RecipeData, f"recipes.{recipe}.data")
    sampling = load_section(RecipeSamplingParams, f"recipes.{recipe}.sampling")

    from difflab.diffusion.pipelines import DigitPipeline, UnconditionalPipeline
    from difflab.diffusion.samplers import sampler_options
    from difflab.studies.drawing import Variant, draw_variants
    from difflab.training.device import make_accelerator

    model = Path("models", recipe)
    options, classes, kind = sampler_options(sampling), None, UnconditionalPipeline
    if sampling.guidance_scale is not None:
        options["guidance_scale"] = sampling.guidance_scale
        [classes] = domains.items()
        kind = DigitPipeline
    pipeline = kind.from_folder(model).to(make_accelerator(compute).device)
    pipeline.set_progress_bar_config(disable=True)
    all_steps = len(pipeline.scheduler.config["trained_betas"])
    ways = [(sampler, steps) for sampler in study.samplers for steps in study.num_inference_steps]
    variants = [
        Variant(f"{sampler}-{steps}", sampling.seed, options | {"sampler": sampler, "num_inference_steps": steps})
        for sampler, steps in [*ways, ("ddpm", all_steps)]
    ]
    path = Path(f"studies/few_steps/{recipe}.safetensors")
    params = [compute, study, domains, sampling]
    draw_variants(path, params, model, pipeline, variants, study.num_images, study.batch_size, classes)


if __name__ == "__main__":
    run(main)
