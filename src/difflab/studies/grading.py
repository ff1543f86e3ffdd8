"""Variants of the same images, graded alike: the judge's accuracy or confidence, and the Fréchet distance."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from difflab.classifiers.digit_classifier import load_digit_classifier
from difflab.config.diffusion import EvaluationParams
from difflab.errors import reading
from difflab.evaluation.classifier_metrics import share_of
from difflab.evaluation.distances import frechet_distance, frechet_influence
from difflab.evaluation.distribution_metrics import RealImages, classifier_extractor, protocol_of
from difflab.evaluation.intervals import bootstrapped


def load_variants(path: str | Path) -> dict[str, Tensor]:
    """What `draw_variants` wrote. Raises UserError when it is not there or cannot be read."""
    with reading(path):
        return load_file(path)


def grade_variants(
    variants: dict[str, Tensor],
    domain: str,
    digits: list[int],
    conditional: bool,
    params: EvaluationParams,
    noise_bank_seed: int | list[int],
    device: torch.device,
) -> dict[str, Any]:
    """Metrics by the variants' names, the real-against-real `floor` of the Fréchet distance, and the protocol.

    `variants`: (N, 3, S, S) uint8 each, as `draw_variants` wrote them. With a condition image i shows digit i modulo
    the number of `digits`, and the metrics hold the judge's accuracy; without one they hold its mean confidence.
    """
    folder = Path(f"models/judge-{domain}")
    judge = load_digit_classifier(folder).to(device)
    extractor = classifier_extractor(judge, folder)
    some = next(iter(variants.values()))
    real = RealImages.load(Path(f"prepared/{domain}.safetensors"), digits, some, params)
    reference, held_out = extractor.features_of(real.reference), extractor.features_of(real.held_out)
    asked = torch.tensor(digits).repeat(len(some) // len(digits))

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
