"""Metrics and figures of the three sampling studies: studies/, models/judges/ → metrics/, figures/."""

from pathlib import Path
from typing import Annotated

from difflab.config.base import Seed
from difflab.config.diffusion import RecipeData, RecipeSamplingParams, ScheduleParams
from difflab.config.studies import EvaluationParams, FidStudyParams, GuidanceStudyParams
from difflab.stage import Compute, Recipe, Section, run

Evaluation = Annotated[EvaluationParams, Section("evaluation")]


def fid_study(
    recipe: Recipe,
    compute: Compute,
    params: Evaluation,
    study: Annotated[FidStudyParams, Section("studies.fid")],
    domains: Annotated[RecipeData, Section("recipes.{recipe}.data")],
    schedule: Annotated[ScheduleParams, Section("recipes.{recipe}.schedule")],
) -> None:
    """Sampling schedules of other lengths: studies/fid/ → metrics/fid_study.json, figures/fid_study.png."""
    from difflab.evaluation.targets import load_targets
    from difflab.systems.digits.figures import length_plots, length_table, save_study
    from difflab.systems.digits.grading import grade_variants, length_metrics, load_variants
    from difflab.training.device import make_accelerator

    device = make_accelerator(compute).device
    reported, trained = load_targets().fid_study, schedule.num_train_timesteps
    variants = {
        f"{length}-{seed}": images
        for length in study.lengths
        for seed, images in load_variants(Path(f"studies/fid/{length}.safetensors")).items()
    }
    graded = grade_variants(variants, recipe, domains, False, params, study.drawing.seeds, device)
    metrics = length_metrics(graded, study, trained, reported)
    title = f"{recipe}, trained with T = {trained}, sampled on a schedule of another length over the same β"
    save_study("fid_study", metrics, title, length_plots(metrics, trained), "fid_study", length_table(metrics))


def few_steps(
    recipe: Recipe,
    compute: Compute,
    params: Evaluation,
    domains: Annotated[RecipeData, Section("recipes.{recipe}.data")],
    sampling: Annotated[RecipeSamplingParams, Section("recipes.{recipe}.sampling")],
) -> None:
    """Quality by number of network evaluations → metrics/few_steps_RECIPE.json, figures/few_steps_RECIPE.png."""
    from difflab.systems.digits.figures import few_steps_plots, save_study
    from difflab.systems.digits.grading import grade_variants, load_variants
    from difflab.training.device import make_accelerator

    device = make_accelerator(compute).device
    conditional = sampling.guidance_scale is not None
    variants = load_variants(Path(f"studies/few_steps/{recipe}.safetensors"))
    metrics = grade_variants(variants, recipe, domains, conditional, params, sampling.seed, device)
    per_step = 2 if (sampling.guidance_scale or 1) > 1 else 1  # network evaluations: with and without the condition
    title = f"{recipe}: how many network evaluations an image needs"
    save_study(f"few_steps_{recipe}", metrics, title, few_steps_plots(metrics, per_step), "few_steps")


def guidance(
    recipe: Recipe,
    compute: Compute,
    params: Evaluation,
    study: Annotated[GuidanceStudyParams, Section("studies.guidance")],
    domains: Annotated[RecipeData, Section("recipes.{recipe}.data")],
    seed: Annotated[Seed, Section("recipes.{recipe}.sampling.seed")],
) -> None:
    """Effect of the guidance scale: studies/guidance.safetensors → metrics/guidance.json, figures/guidance.png."""
    from difflab.systems.digits.figures import guidance_plots, save_study
    from difflab.systems.digits.grading import grade_variants, load_variants
    from difflab.training.device import make_accelerator

    device = make_accelerator(compute).device
    variants = load_variants(Path("studies/guidance.safetensors"))
    metrics = grade_variants(variants, recipe, domains, True, params, seed, device)
    title = f"{recipe}: effect of the guidance scale ({study.sampler}, {study.num_inference_steps} steps)"
    save_study("guidance", metrics, title, guidance_plots(metrics, recipe, study), "guidance")


if __name__ == "__main__":
    run(fid_study, few_steps, guidance)
