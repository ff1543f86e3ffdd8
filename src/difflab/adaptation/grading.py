"""The runs of all methods, measured on images that none of them was trained on or chosen by."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from difflab.config.training import Scenario
from difflab.data.dataset import ImageDataset
from difflab.evaluation.intervals import DIFFERENCE, SHARE, over_runs
from difflab.evaluation.metrics import accuracy
from difflab.systems.adaptation.evaluation import PROBE, proxy_a_distance
from difflab.systems.adaptation.networks import CRITERION, AdaptedClassifier, load_classifier, snapshot_steps
from difflab.systems.adaptation.scenarios import METHODS, domains_of, held_out

PROTOCOL = {
    "target, source": "accuracy on held-out images, of the chosen snapshots; _validation, _test: on those of a split",
    "chosen": CRITERION,
    "last, oracle": "target of the last snapshots, and of those that are best by it",
    "gain": "target minus that of source-only, by seed",
    "separability": f"proxy A-distance of the features of held-out images: {PROBE}",
    "interval": "95 %, Student's t of the runs, cut to the possible values: seeds vary, images do not",
}
BOUNDS = {"separability": (-2.0, 2.0)}  # all else is a share


def grade_scenario(
    scenario: Scenario, num_runs: int, first_seed: int, seed: int, device: torch.device
) -> dict[str, Any]:
    """Metrics of one scenario by method, and their gain, by how much those that adapt are better than source-only.

    `seed` is that of the separability. A difference is taken between runs of one seed, which begin with the same
    weights and see the source in the same order. Raises UserError when a model or data set is missing.
    """
    source, target = map(held_out, domains_of(scenario))
    graded = {}
    for method in METHODS:
        folder = Path(f"models/adapt/{scenario}-{method}")
        runs = [grade_run(folder / f"seed_{first_seed + run}", source, target, seed, device) for run in range(num_runs)]
        graded[method] = {name: summary([run[name] for run in runs], BOUNDS.get(name, SHARE)) for name in runs[0]}
    base = graded["source-only"]["target"]["runs"]
    graded["gain"] = {
        method: summary(np.subtract(graded[method]["target"]["runs"], base).tolist(), DIFFERENCE)
        for method in ("dann", "dann-mcc")
    }
    return graded


def grade_run(
    folder: Path, source: ImageDataset, target: ImageDataset, seed: int, device: torch.device
) -> dict[str, float]:
    """The numbers of PROTOCOL of one run, from its classifiers and the held-out images of both domains."""
    classifier = load_classifier(folder).to(device)
    snapshots = (load_classifier(folder, step).to(device) for step in snapshot_steps(folder))
    by_step = [share_right(snapshot, target) for snapshot in snapshots]
    features = [classifier.features_of(domain.images).numpy() for domain in (source, target)]
    return {
        "target": share_right(classifier, target),
        "source": share_right(classifier, source),
        "target_validation": share_right(classifier, target.part("validation")),
        "target_test": share_right(classifier, target.part("test")),
        "last": by_step[-1],
        "oracle": max(by_step),
        "separability": proxy_a_distance(features[0], features[1], seed),
    }


def share_right(classifier: AdaptedClassifier, images: ImageDataset) -> float:
    return accuracy(classifier.predict(images.images), images.labels)


def summary(runs: list[float], bounds: tuple[float, float]) -> dict[str, Any]:
    return {**asdict(over_runs(runs, bounds)), "runs": runs}
