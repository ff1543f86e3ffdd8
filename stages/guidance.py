"""What guidance does: studies/guidance.safetensors → metrics/guidance.json, figures/guidance.png."""

import argparse
from pathlib import Path

from difflab.config.base import Seed
from difflab.config.load import load_section

from difflab.config.diffusion import EvaluationParams, GuidanceStudyParams, RecipeData
from difflab.config.training import ComputeParams
from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    params = load_section(EvaluationParams, "evaluation")
    study = load_section(GuidanceStudyParams, "studies.guidance")
    domains = load_section(RecipeData, f"recipes.{study.recipe}.data")
    seed = load_section(Seed, f"recipes.{study.recipe}.sampling.seed")

    from difflab.evaluation.metrics import write_metrics
    from difflab.figures.curves import Curve, Plot, save_curves
    from difflab.studies.grading import grade_variants, load_variants
    from difflab.training.device import make_accelerator

    device = make_accelerator(compute).device
    [(domain, digits)] = domains.items()
    images = Path("studies/guidance.safetensors")
    metrics = grade_variants(load_variants(images), domain, digits, True, params, seed, device)
    path = Path("metrics/guidance.json")
    write_metrics(path, metrics)

    def plot(name: str, label: str, levels: dict[str, float]) -> Plot:
        values = [metrics["variants"][f"s={s:g}"][name] for s in study.guidance_scales]
        curve = Curve.of(study.recipe, study.guidance_scales, values)
        return Plot("", "guidance scale s", label, [curve], levels, study.guidance_scales)

    accuracy = plot("accuracy", "accuracy", {})
    frechet = plot("frechet", "Fréchet distance in the judge's features", {"real against real": metrics["floor"]})
    title = f"{study.recipe}: effect of the guidance scale ({study.sampler}, {study.num_inference_steps} steps)"
    save_curves([accuracy, frechet], title, Path("figures/guidance.png"), "guidance", [path])


if __name__ == "__main__":
    run(main)
