"""Metrics files and figures of the sampling studies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from difflab.config.studies import GuidanceStudyParams
from difflab.evaluation.metrics import write_metrics
from difflab.evaluation.targets import REPORTED_T
from difflab.figures.curves import Curve, Plot, Table, save_curves

FRECHET = "Fréchet distance in the classifier's features"
SAMPLERS = {"ddim": "DDIM, η = 0", "dpmsolver++": "DPM-Solver++ (2M)", "ddpm": "DDPM, all steps"}


def save_study(
    name: str, metrics: dict[str, Any], title: str, plots: Sequence[Plot], stage: str, table: Table | None = None
) -> None:
    """Write metrics/NAME.json and figures/NAME.png."""
    path = Path(f"metrics/{name}.json")
    write_metrics(path, metrics)
    save_curves(plots, title, Path(f"figures/{name}.png"), stage, [path], table)


def length_plots(metrics: dict[str, Any], trained: int) -> list[Plot]:
    """Measured and reported distances in two plots, because protocols and scales differ."""

    def plot(name: str, y_label: str, runs: dict[int, list[float]], unit: int, levels: dict[str, float]) -> Plot:
        means = [sum(values) / len(values) for values in runs.values()]
        low, high = [min(values) for values in runs.values()], [max(values) for values in runs.values()]
        curve = Curve("mean, and range of the runs", list(runs), means, low, high)
        title = f"{name} (T = {unit})"
        return Plot(title, "num_timesteps of the sampler", y_label, [curve], levels, list(runs), log_y=True)

    lengths = {int(length): values for length, values in metrics["lengths"].items()}
    measured = {length: values["frechet"] for length, values in lengths.items()}
    reported = {
        round(length / trained * REPORTED_T): values["reported_fid"]
        for length, values in lengths.items()
        if values["reported_fid"]
    }
    both = [plot("measured", FRECHET, measured, trained, {"real against real": metrics["floor"]})]
    return both + ([plot("reported", "FID", reported, REPORTED_T, {})] if reported else [])


def length_table(metrics: dict[str, Any]) -> Table:
    """A table of the distances for each schedule length, below the plots."""
    num_runs = max(len(values["frechet"]) for values in metrics["lengths"].values())
    runs = [f"run {run + 1}" for run in range(num_runs)]
    header = ["num_timesteps", "of T", *runs, "mean", "minus trained", "reported FID"]
    rows = [
        [
            length,
            f"{values['share_of_trained']:.3g}",
            *[f"{value:.2f}" for value in values["frechet"]],
            f"{values['mean']:.2f}",
            _interval(values["minus_trained"]),
            "  ".join(f"{value:.3f}" for value in values["reported_fid"] or []) or "–",
        ]
        for length, values in metrics["lengths"].items()
    ]
    return Table(header, rows)


def _interval(estimate: dict[str, float] | None) -> str:
    return "{value:+.2f} ({low:+.2f} to {high:+.2f})".format(**estimate) if estimate else "–"


def few_steps_plots(metrics: dict[str, Any], per_step: int) -> list[Plot]:
    """Metrics of each sampler over the number of network evaluations per image, `per_step` for each step."""
    steps: dict[str, dict[int, dict[str, Any]]] = {sampler: {} for sampler in SAMPLERS}
    for variant, values in metrics["variants"].items():
        sampler, _, number = variant.rpartition("-")
        steps[sampler][int(number) * per_step] = values
    by_sampler = {sampler: dict(sorted(points.items())) for sampler, points in steps.items() if points}
    ticks = sorted({evaluations for points in by_sampler.values() for evaluations in points})

    def plot(name: str, label: str, levels: dict[str, float], log_y: bool) -> Plot:
        curves = [
            Curve.of(SAMPLERS[sampler], list(points), [values[name] for values in points.values()])
            for sampler, points in by_sampler.items()
        ]
        return Plot("", "network evaluations for one image", label, curves, levels, ticks, log_x=True, log_y=log_y)

    plots = [plot("frechet", FRECHET, {"real against real": metrics["floor"]}, log_y=True)]
    conditional = all("accuracy" in values for values in metrics["variants"].values())
    return [*plots, plot("accuracy", "accuracy", {}, log_y=False)] if conditional else plots


def guidance_plots(metrics: dict[str, Any], recipe: str, study: GuidanceStudyParams) -> list[Plot]:
    """Accuracy and Fréchet distance over the guidance scale."""
    scales = study.guidance_scales

    def plot(name: str, label: str, levels: dict[str, float]) -> Plot:
        curve = Curve.of(recipe, scales, [metrics["variants"][f"s={s:g}"][name] for s in scales])
        return Plot("", "guidance scale s", label, [curve], levels, scales)

    return [plot("accuracy", "accuracy", {}), plot("frechet", FRECHET, {"real against real": metrics["floor"]})]
