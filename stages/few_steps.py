"""Quality against network evaluations: studies/few_steps/RECIPE.safetensors → metrics/ and figures/few_steps_RECIPE."""

from pathlib import Path
from typing import Any

from difflab.config.load import load_section

from difflab.config.diffusion import EvaluationParams, RecipeData, RecipeSamplingParams
from difflab.config.training import ComputeParams
from difflab.stage import recipe_argument, run

NAMES = {"ddim": "DDIM, η = 0", "dpmsolver++": "DPM-Solver++ (2M)", "ddpm": "DDPM, all steps"}


def main() -> None:
    recipe = recipe_argument(__doc__)
    compute = load_section(ComputeParams, "compute")
    params = load_section(EvaluationParams, "evaluation")
    domains = load_section(RecipeData, f"recipes.{recipe}.data")
    sampling = load_section(RecipeSamplingParams, f"recipes.{recipe}.sampling")

    from difflab.evaluation.metrics import write_metrics
    from difflab.figures.curves import save_curves
    from difflab.studies.grading import grade_variants, load_variants
    from difflab.training.device import make_accelerator

    device = make_accelerator(compute).device
    [(domain, digits)] = domains.items()
    conditional = sampling.guidance_scale is not None
    images = Path(f"studies/few_steps/{recipe}.safetensors")
    metrics = grade_variants(load_variants(images), domain, digits, conditional, params, sampling.seed, device)
    path = Path(f"metrics/few_steps_{recipe}.json")
    write_metrics(path, metrics)

    per_step = 2 if (sampling.guidance_scale or 1) > 1 else 1  # network evaluations: with and without the condition
    plots = [plot(metrics, "frechet", "Fréchet distance in the judge's features", per_step)]
    if conditional:
        plots.append(plot(metrics, "accuracy", "accuracy", per_step))
    title = f"{recipe}: how many network evaluations an image needs"
    save_curves(plots, title, Path(f"figures/few_steps_{recipe}.png"), "few_steps", [path])


def plot(metrics: dict[str, Any], name: str, label: str, per_step: int):
    """One metric of all samplers against the network evaluations of an image."""
    from difflab.figures.curves import Curve, Plot

    by_sampler: dict[str, dict[int, dict[str, float]]] = {sampler: {} for sampler in NAMES}
    for variant, values in metrics["variants"].items():
        sampler, _, steps = variant.rpartition("-")
        by_sampler[sampler][int(steps) * per_step] = values[name]
    curves = [
        Curve.of(NAMES[sampler], sorted(points), [points[evaluations] for evaluations in sorted(points)])
        for sampler, points in by_sampler.items()
        if points
    ]
    ticks = sorted({evaluations for points in by_sampler.values() for evaluations in points})
    is_distance = name == "frechet"
    levels = {"real against real": metrics["floor"]} if is_distance else {}
    return Plot("", "network evaluations for one image", label, curves, levels, ticks, log_x=True, log_y=is_distance)


if __name__ == "__main__":
    run(main)
