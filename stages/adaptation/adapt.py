"""Train all runs of one domain adaptation method: prepared/scenarios/ → models/adapt/SCENARIO-METHOD/.

Only the method target-only reads the labels of the target domain.
"""

from pathlib import Path
from typing import Annotated

from difflab.config.training import ClassifierParams, Method, MethodParams, TrainingParams
from difflab.errors import read_json
from difflab.stage import Compute, Scenario, Section, run


def main(
    scenario: Scenario,
    method: Method,
    compute: Compute,
    num_runs: Annotated[int, Section("adaptation.num_runs")],
    network: Annotated[ClassifierParams, Section("adaptation.network")],
    training: Annotated[TrainingParams, Section("adaptation.training")],
    params: Annotated[MethodParams, Section("adaptation.methods.{method}")],
) -> None:
    from difflab.pipeline.files import atomic_write
    from difflab.systems.adaptation.scenarios import classes_of, files_of, load_images
    from difflab.systems.adaptation.training import labeled_images, save_run, train_run
    from difflab.training.checkpoint import seeded_runs
    from difflab.training.device import make_accelerator

    accelerator = make_accelerator(compute)
    source, target = files = files_of(scenario)
    described = read_json(f"prepared/scenarios/{scenario}/scenario.json")
    num_images = max(domain["num_images"]["train"] for domain in described.values())
    labelled = labeled_images(target if method == "target-only" else source, num_images)
    unlabelled, classes = load_images(target, "train"), classes_of(scenario)
    with atomic_write(Path(f"models/adapt/{scenario}-{method}")) as output:
        key = [compute, network, params]
        for seeded, checkpoint in seeded_runs(f"adapt-{scenario}-{method}", num_runs, training, key, files):
            train_run(labelled, unlabelled, network, seeded, params, accelerator, checkpoint, compute.compile, classes)
            save_run(output / f"seed_{seeded.seed}", checkpoint, network, unlabelled, accelerator.device, classes)


if __name__ == "__main__":
    run(main)
