"""Samples for the three sampling studies, each with a list of variants: models/RECIPE/ → studies/."""

from pathlib import Path
from typing import Annotated

from difflab.config.diffusion import RecipeData, RecipeSamplingParams
from difflab.config.studies import FewStepsParams, FidDrawingParams, GuidanceStudyParams
from difflab.errors import UserError
from difflab.stage import WITHOUT_TEXT, Compute, Recipe, Section, run


def fid_samples(
    recipe: Recipe,
    length: Annotated[int, "one of params.yaml: studies.fid.lengths"],
    compute: Compute,
    params: Annotated[FidDrawingParams, Section("studies.fid.drawing")],
    sampling: Annotated[RecipeSamplingParams, Section("recipes.{recipe}.sampling")],
) -> None:
    """Samples on a schedule of another length than in training → studies/fid/LENGTH.safetensors.

    As in the report, the schedule is rebuilt with `num_timesteps` = LENGTH over the same range of β, and the network
    gets the time steps 0 … LENGTH-1 without rescaling.
    """
    if length < 2:
        raise UserError(f"length: found {length}, allowed: integer ≥ 2")

    from difflab.diffusion.samplers import sampler_options
    from difflab.diffusion.schedules import linear_betas
    from difflab.systems.digits.drawing import Variant, draw_variants, load_model

    pipeline = load_model(recipe, sampling, compute)
    trained = pipeline.betas
    pipeline.replace_betas(linear_betas(length, trained[0].item(), trained[-1].item()))
    options = sampler_options(sampling) | {"sampler": "ddpm", "num_inference_steps": length}
    variants = [Variant(f"seed-{seed}", seed, options) for seed in params.seeds]
    path = Path(f"studies/fid/{length}.safetensors")
    depends_on = [compute, length, params, sampling]
    draw_variants(path, depends_on, recipe, pipeline, variants, params.num_images, params.batch_size)


def few_steps_samples(
    recipe: Recipe,
    compute: Compute,
    params: Annotated[FewStepsParams, Section("studies.few_steps.{recipe}")],
    domains: Annotated[RecipeData, Section("recipes.{recipe}.data")],
    sampling: Annotated[RecipeSamplingParams, Section("recipes.{recipe}.sampling")],
) -> None:
    """Samples with few steps of DDIM and DPM-Solver++, and all steps of DDPM → studies/few_steps/RECIPE.safetensors."""
    from difflab.diffusion.samplers import sampler_options
    from difflab.systems.digits.drawing import Variant, draw_variants, load_model

    pipeline, conditional = load_model(recipe, sampling, compute), sampling.guidance_scale is not None
    options = sampler_options(sampling) | ({"guidance_scale": sampling.guidance_scale} if conditional else {})
    few = [(sampler, steps) for sampler in params.samplers for steps in params.num_inference_steps]
    variants = [
        Variant(f"{sampler}-{steps}", sampling.seed, options | {"sampler": sampler, "num_inference_steps": steps})
        for sampler, steps in [*few, ("ddpm", len(pipeline.betas))]
    ]
    path = Path(f"studies/few_steps/{recipe}.safetensors")
    depends_on, classes = [compute, params, domains, sampling], domains if conditional else None
    draw_variants(path, depends_on, recipe, pipeline, variants, params.num_images, params.batch_size, classes)


def guidance_samples(
    recipe: Recipe,
    compute: Compute,
    params: Annotated[GuidanceStudyParams, Section("studies.guidance")],
    domains: Annotated[RecipeData, Section("recipes.{recipe}.data")],
    sampling: Annotated[RecipeSamplingParams, Section("recipes.{recipe}.sampling")],
) -> None:
    """Samples with several guidance scales → studies/guidance.safetensors."""
    from difflab.diffusion.samplers import sampler_options
    from difflab.systems.digits.drawing import Variant, draw_variants, load_model

    pipeline = load_model(recipe, sampling, compute)
    options = sampler_options(sampling) | {"sampler": params.sampler, "num_inference_steps": params.num_inference_steps}
    variants = [Variant(f"s={s:g}", sampling.seed, options | {"guidance_scale": s}) for s in params.guidance_scales]
    path = Path("studies/guidance.safetensors")
    depends_on = [compute, params, domains, sampling]
    draw_variants(path, depends_on, recipe, pipeline, variants, params.num_images, params.batch_size, domains)


if __name__ == "__main__":
    run(fid_samples, few_steps_samples, guidance_samples, without=WITHOUT_TEXT, shared=True)
