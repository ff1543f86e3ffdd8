"""Sample a recipe with several guidance scales: models/RECIPE/ → studies/guidance.safetensors."""

import argparse
from pathlib import Path

from difflab.config.load import load_section

from difflab.config.diffusion import GuidanceStudyParams, RecipeData, RecipeSamplingParams
from difflab.config.training import ComputeParams
from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    study = load_section(GuidanceStudyParams, "studies.guidance")
    domains = load_section(RecipeData, f"recipes.{study.recipe}.data")
    sampling = load_section(RecipeSamplingParams, f"recipes.{study.recipe}.sampling")

    from difflab.diffusion.pipelines import DigitPipeline
    from difflab.diffusion.samplers import sampler_options
    from difflab.studies.drawing import Variant, draw_variants
    from difflab.training.device import make_accelerator

    model = Path("models", study.recipe)
    pipeline = DigitPipeline.from_folder(model).to(make_accelerator(compute).device)
    pipeline.set_progress_bar_config(disable=True)
    options = sampler_options(sampling) | {"sampler": study.sampler, "num_inference_steps": study.num_inference_steps}
    variants = [Variant(f"s={s:g}", sampling.seed, options | {"guidance_scale": s}) for s in study.guidance_scales]
    path = Path("studies/guidance.safetensors")
    [classes] = domains.items()
    params = [compute, study, domains, sampling]
    draw_variants(path, params, model, pipeline, variants, study.num_images, study.batch_size, classes)


if __name__ == "__main__":
    run(main)
