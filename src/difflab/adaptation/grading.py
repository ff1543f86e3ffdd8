"""The runs of all methods, measured on images that none of them was trained on or chosen by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from difflab.adaptation.networks import AdaptedClassifier, load_classifier, snapshot_steps
from difflab.adaptation.scenarios import prepared
from difflab.adaptation.selection import CRITERION
from difflab.adaptation.separability import PROBE, proxy_a_distance
from difflab.data.dataset import ImageDataset
from difflab.evaluation.intervals import over_runs
from difflab.evaluation.metrics import accuracy
from difflab.params.adaptation import METHODS, Scenario, domains_of

PROTOCOL = {
    "target, source": "accuracy on the validation images, of the chosen snapshots; _test: on the test images",
    "chosen": CRITERION,
    "last, oracle": "accuracy on the target's validation images of the last snapshots, and of those best on them",
    "gain": "target minus that of source-only, by seed",
    "separability": f"proxy A-distance of the features of the validation images: {PROBE}",
    "interval": "95 %, Student's t of the runs: seeds vary, images do not",
}
Held = dict[tuple[str, str], ImageDataset]  # by "source" or "target", and split


def grade_scenario(
    scenario: Scenario, num_runs: int, first_seed: int, seed: int, device: torch.device
) -> dict[str, Any]:
    """Metrics of one scenario by method, and their gain, by how much those that adapt are better than source-only.

    `seed` is that of the separability. A difference is taken between runs of one seed, which begin with the same
    weights and see the source in the same order. Raises UserError when a model or data set is missing.
    """
    roles = zip(("source", "target"), domains_of(scenario), strict=True)
    held = {
        (role, split): ImageDataset.load(prepared(domain)).part(split)
        for role, domain in roles
        for split in ("validation", "test")
    }
    folders = {
        method: [Path(f"models/adapt/{scenario}-{method}/seed_{first_seed + run}") for run in range(num_runs)]
        for method in METHODS
    }
    graded = {method: grade_method(runs, held, seed, device) for method, runs in folders.items()}
    base = np.array(graded["source-only"]["target"]["runs"])
    gains = {
        method: summary(np.array(graded[method]["target"]["runs"]) - base)
        for method in METHODS
        if method.startswith("dann")
    }
    return graded | {"gain": gains}


def grade_method(folders: Sequence[Path], held: Held, seed: int, device: torch.device) -> dict[str, Any]:
    """Accuracy of the runs of one method.

    `target` and `source`: on their validation images, `…_test` on their test images. `last`: the target's of the last
    snapshots, `oracle`: of those that the target's validation labels would have chosen.
    """
    values: dict[str, list[float]] = {}
    for folder in folders:
        for name, value in grade_run(folder, held, seed, device).items():
            values.setdefault(name, []).append(value)
    return {name: summary(np.array(of_runs)) for name, of_runs in values.items()}


def grade_run(folder: Path, held: Held, seed: int, device: torch.device) -> dict[str, float]:
    """The numbers of `grade_method` for one run, and the separability of its features of the validation images."""
    classifier = load_classifier(folder).to(device)
    grades = {}
    for split, role in product(("validation", "test"), ("target", "source")):
        name = role if split == "validation" else f"{role}_test"
        grades[name] = share_right(classifier, held[role, split])
    snapshots = (load_classifier(folder, step).to(device) for step in snapshot_steps(folder))
    by_step = [share_right(snapshot, held["target", "validation"]) for snapshot in snapshots]
    domains = [classifier.features_of(held[role, "validation"].images).numpy() for role in ("source", "target")]
    return grades | {"last": by_step[-1], "oracle": max(by_step), "separability": proxy_a_distance(*domains, seed)}


def share_right(classifier: AdaptedClassifier, images: ImageDataset) -> float:
    return accuracy(classifier.predict(images.images), images.labels)


def summary(runs: np.ndarray) -> dict[str, Any]:
    return {**asdict(over_runs(runs)), "runs": runs.tolist()}
