"""Metrics of variants of the same images: the classifier's accuracy or confidence, and the Fréchet distance."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from difflab.classifiers.digit_classifier import load_digit_classifier
from difflab.config.diffusion import RecipeData
from difflab.config.studies import EvaluationParams, FidStudyParams
from difflab.data.dataset import class_labels
from difflab.errors import reading
from difflab.evaluation.classifier_metrics import share_of
from difflab.evaluation.distances import frechet_distance, frechet_influence
from difflab.evaluation.distribution_metrics import RealImages, classifier_extractor, protocol_of
from difflab.evaluation.intervals import bootstrapped, over_runs
from difflab.evaluation.targets import REPORTED_T


def load_variants(path: str | Path) -> dict[str, Tensor]:
    """Read the images that `draw_variants` wrote. Raises UserError when the file is missing or cannot be read."""
    with reading(path):
        return load_file(path)


def grade_variants(
    variants: dict[str, Tensor],
    recipe: str,
    domains: RecipeData,
    conditional: bool,
    params: EvaluationParams,
    noise_bank_seed: int | list[int],
    device: torch.device,
) -> dict[str, Any]:
    """Metrics by variant name, the real-against-real `floor` of the Fréchet distance, and the protocol.

    `variants`: (N, 3, S, S) uint8 each, from `draw_variants`. `domains`: the recipe's one domain with its K classes,
    whose real images are in prepared/recipes/RECIPE/. For a conditional recipe, image i shows class i mod K and the
    metrics include the classifier's accuracy; otherwise they include its mean confidence.
    """
    [(domain, digits)] = domains.items()
    folder = Path(f"models/judges/{domain}")
    judge = load_digit_classifier(folder).to(device)
    extractor = classifier_extractor(judge, folder)
    some = next(iter(variants.values()))
    file = Path("prepared/recipes", recipe, f"{domain}.safetensors")
    real = RealImages.load(file, digits, some, params)
    reference, held_out = extractor.features_of(real.reference), extractor.features_of(real.held_out)
    labels = list(class_labels(file, digits).values())
    asked = torch.tensor(labels).repeat(len(some) // len(labels))

    def grade(images: Tensor) -> dict[str, Any]:
        features = extractor.features_of(images)
        rng = np.random.default_rng(params.seed)
        distance, influence = frechet_distance(features, reference), frechet_influence(features, reference)
        frechet = asdict(bootstrapped(distance, influence, params.num_resamples, rng))
        if conditional:
            return {"accuracy": share_of(judge.predict(images) == asked), "frechet": frechet}
        return {"confidence": judge.probabilities(images).max(1).values.mean().item(), "frechet": frechet}

    return {
        "variants": {name: grade(images) for name, images in variants.items()},
        "floor": frechet_distance(held_out, reference),
        "protocol": protocol_of(extractor, some, real, params, noise_bank_seed),
    }


def length_metrics(
    graded: dict[str, Any], study: FidStudyParams, trained: int, reported: dict[int, list[float]]
) -> dict[str, Any]:
    """Metrics of the study of schedule lengths, by length: the Fréchet distance for each seed, and the mean.

    `graded`: metrics of variants named LENGTH-seed-SEED. `trained`: the schedule length in training. `reported`: the
    reported FIDs by length.
    """
    distances = {
        length: [graded["variants"][f"{length}-seed-{seed}"]["frechet"]["value"] for seed in study.drawing.seeds]
        for length in study.lengths
    }
    lengths = {
        str(length): {
            "frechet": runs,
            "mean": sum(runs) / len(runs),
            "share_of_trained": length / trained,
            "reported_fid": reported.get(round(length / trained * REPORTED_T)),
            "minus_trained": _minus(runs, distances.get(trained)) if length != trained else None,
        }
        for length, runs in distances.items()
    }
    best = min(lengths.values(), key=lambda values: values["mean"])
    common = {"floor": graded["floor"], "protocol": graded["protocol"]}
    return {"lengths": lengths, "best_share_of_trained": best["share_of_trained"], **common}


def _minus(runs: list[float], trained: list[float] | None) -> dict[str, float] | None:
    """Mean difference between the distances of a length and of the trained length, with a 95 % interval over seeds.

    Runs with the same seed start from the same noises, so differences are paired by seed; the interval is Student's t.
    None without the trained length, or with one seed only. Units: Fréchet distance.
    """
    if trained is None or len(runs) < 2:
        return None
    return asdict(over_runs([run - other for run, other in zip(runs, trained, strict=True)]))
