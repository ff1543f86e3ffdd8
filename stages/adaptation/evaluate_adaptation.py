"""Measure all methods of domain adaptation: models/adapt/ → metrics/adapt.json, figures/adaptation.png."""

import argparse
from pathlib import Path
from typing import Any

from difflab.config.base import Seed
from difflab.config.load import load_section

from difflab.config.training import ComputeParams
from difflab.stage import run
from difflab.systems.adaptation.scenarios import METHODS


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    scenarios = load_section(list[str], "adaptation.scenarios")
    num_runs = load_section(int, "adaptation.num_runs")
    first_seed = load_section(Seed, "adaptation.training.seed")
    seed = load_section(Seed, "evaluation.seed")

    from difflab.evaluation.metrics import write_metrics
    from difflab.evaluation.targets import load_targets
    from difflab.figures.files import Provenance, save_png
    from difflab.systems.adaptation.evaluation import PROTOCOL, grade_scenario
    from difflab.systems.adaptation.figures import plot_accuracies
    from difflab.training.device import make_accelerator

    device = make_accelerator(compute).device
    reported = load_targets().adaptation
    metrics: dict[str, Any] = {}
    for scenario in scenarios:
        metrics[scenario] = grade_scenario(scenario, num_runs, first_seed, seed, device)
        for method in METHODS:
            metrics[scenario][method]["reported"] = reported.get(scenario, {}).get(method)
    path = Path("metrics/adapt.json")
    write_metrics(path, metrics | {"protocol": PROTOCOL | {"evaluation_seed": seed}})
    title = f"Accuracy on the target's held-out images: mean and 95 % interval of {num_runs} runs"
    figure = plot_accuracies(metrics, METHODS, title, table(metrics))
    save_png(figure, Path("figures/adaptation.png"), Provenance.of("evaluate_adaptation", [path]))


def table(metrics: dict[str, Any]):
    from difflab.figures.curves import Table

    def share(value: dict[str, float]) -> str:
        return f"{value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f})"

    header = ["", "method", "target", "− source-only", "source", "oracle", "proxy A-distance", "reported"]
    rows = []
    for scenario, graded in metrics.items():
        for method in METHODS:
            values, gap = graded[method], graded["gain"].get(method)
            rows.append(
                [
                    scenario,
                    method,
                    share(values["target"]),
                    share(gap) if gap else "–",
                    f"{values['source']['value']:.3f}",
                    f"{values['oracle']['value']:.3f}",
                    f"{values['separability']['value']:.2f}",
                    "–" if values["reported"] is None else f"{values['reported']:.4f}",
                ]
            )
    return Table(header, rows)


if __name__ == "__main__":
    run(main)
