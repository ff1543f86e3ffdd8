"""Sampling with more or fewer time steps than trained: studies/fid/ → metrics/ and figures/fid_study."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from difflab.config.load import load_section

from difflab.config.diffusion import EvaluationParams, FidStudyParams, RecipeData, ScheduleParams
from difflab.config.training import ComputeParams
from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    params = load_section(EvaluationParams, "evaluation")
    study = load_section(FidStudyParams, "studies.fid")
    domains = load_section(RecipeData, f"recipes.{study.recipe}.data")
    schedule = load_section(ScheduleParams, f"recipes.{study.recipe}.schedule")

    from difflab.evaluation.metrics import write_metrics
    from difflab.evaluation.targets import REPORTED_T, load_targets
    from difflab.figures.curves import save_curves
    from difflab.studies.grading import grade_variants, load_variants
    from difflab.training.device import make_accelerator

    device = make_accelerator(compute).device
    reported = load_targets().fid_study
    trained = schedule.num_train_timesteps
    [(domain, digits)] = domains.items()
    variants = {
        f"{length}-{seed}": images
        for length in study.lengths
        for seed, images in load_variants(Path(f"studies/fid/{length}.safetensors")).items()
    }
    graded = grade_variants(variants, domain, digits, False, params, study.drawing.seeds, device)
    lengths = {}
    for length in study.lengths:
        runs = [graded["variants"][f"{length}-seed-{seed}"]["frechet"]["value"] for seed in study.drawing.seeds]
        lengths[str(length)] = {
            "frechet": runs,
            "mean": sum(runs) / len(runs),
            "share_of_trained": length / trained,
            "reported_fid": reported.get(round(length / trained * REPORTED_T)),
        }
    of_trained = lengths.get(str(trained), {}).get("frechet")
    for length, values in lengths.items():
        values["minus_trained"] = minus_trained(values["frechet"], of_trained) if int(length) != trained else None
    best = min(lengths.values(), key=lambda values: values["mean"])
    metrics = {
        "lengths": lengths,
        "best_share_of_trained": best["share_of_trained"],
        "floor": graded["floor"],
        "protocol": graded["protocol"],
    }
    path = Path("metrics/fid_study.json")
    write_metrics(path, metrics)
    title = f"{study.recipe}, trained with T = {trained}, sampled on a schedule of another length over the same β"
    save_curves(
        plots(metrics, study, trained), title, Path("figures/fid_study.png"), "fid_study", [path], table(metrics)
    )


def minus_trained(runs: list[float], of_trained: list[float] | None) -> dict[str, float] | None:
    """Mean difference of a length's distances to those of the trained length, with its interval over the seeds.

    The runs of one seed start from the same noises, so the difference is taken within each seed; Student's t gives the
    95 % interval. None without the trained length, or with one seed only. Units: Fréchet distance.
    """
    from difflab.evaluation.intervals import over_runs

    if of_trained is None or len(runs) < 2:
        return None
    return asdict(over_runs([run - other for run, other in zip(runs, of_trained, strict=True)]))


def plots(metrics: dict[str, Any], study: FidStudyParams, trained: int) -> list:
    """Measured and reported apart: their protocols are not alike, so neither are their scales."""
    from difflab.evaluation.targets import REPORTED_T
    from difflab.figures.curves import Curve, Plot

    def plot(name: str, y_label: str, runs: dict[int, list[float]], unit: int, levels: dict[str, float]) -> Plot:
        means = [sum(values) / len(values) for values in runs.values()]
        low, high = [min(values) for values in runs.values()], [max(values) for values in runs.values()]
        curve = Curve("mean, and range of the runs", list(runs), means, low, high)
        return Plot(
            f"{name} (T = {unit})", "num_timesteps of the sampler", y_label, [curve], levels, list(runs), log_y=True
        )

    lengths = {int(length): values for length, values in metrics["lengths"].items()}
    measured = {length: values["frechet"] for length, values in lengths.items()}
    reported = {
        round(length / trained * REPORTED_T): values["reported_fid"]
        for length, values in lengths.items()
        if values["reported_fid"]
    }
    floor = {"real against real": metrics["floor"]}
    both = [plot("measured", "Fréchet distance in the judge's features", measured, trained, floor)]
    return both + ([plot("reported", "FID", reported, REPORTED_T, {})] if reported else [])


def table(metrics: dict[str, Any]):
    from difflab.figures.curves import Table

    num_runs = max(len(values["frechet"]) for values in metrics["lengths"].values())
    runs = [f"run {run + 1}" for run in range(num_runs)]
    header = ["num_timesteps", "of T", *runs, "mean", "minus trained", "reported FID"]
    return Table(
        header,
        [
            [
                length,
                f"{values['share_of_trained']:.3g}",
                *[f"{value:.2f}" for value in values["frechet"]],
                f"{values['mean']:.2f}",
                interval(values["minus_trained"]),
                "  ".join(f"{value:.3f}" for value in values["reported_fid"] or []) or "–",
            ]
            for length, values in metrics["lengths"].items()
        ],
    )


def interval(estimate: dict[str, float] | None) -> str:
    return "{value:+.2f} ({low:+.2f} to {high:+.2f})".format(**estimate) if estimate else "–"


if __name__ == "__main__":
    run(main)
