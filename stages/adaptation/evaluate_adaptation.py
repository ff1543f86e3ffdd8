"""Accuracies of all domain adaptation methods: models/adapt/ → metrics/adapt.json, figures/adaptation.png."""

from pathlib import Path
from typing import Annotated, Any

from difflab.config.base import Seed
from difflab.config.training import Scenarios
from difflab.stage import Compute, Section, run


def main(
    compute: Compute,
    scenarios: Annotated[Scenarios, Section("adaptation.scenarios")],
    num_runs: Annotated[int, Section("adaptation.num_runs")],
    first_seed: Annotated[Seed, Section("adaptation.training.seed")],
    seed: Annotated[Seed, Section("evaluation.seed")],
) -> None:
    from difflab.evaluation.metrics import write_metrics
    from difflab.evaluation.targets import load_targets
    from difflab.figures.files import Provenance, save_png
    from difflab.systems.adaptation.evaluation import PROTOCOL, grade_scenario
    from difflab.systems.adaptation.figures import accuracy_table, plot_accuracies
    from difflab.systems.adaptation.scenarios import METHODS
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
    figure = plot_accuracies(metrics, METHODS, title, accuracy_table(metrics))
    save_png(figure, Path("figures/adaptation.png"), Provenance.of("evaluate_adaptation", [path]))


if __name__ == "__main__":
    run(main)
