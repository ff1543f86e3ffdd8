"""Accuracy, confidence and diversity of generated digits by a classifier."""

# Tensor.unique and Tensor.tolist are partially typed.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
from dataclasses import asdict
from typing import Any

import numpy as np
from torch import Tensor

from difflab.config.diffusion import EvaluationParams
from difflab.evaluation.intervals import bootstrapped, wilson


def accuracy_metrics(correct: Tensor, digits: Tensor) -> dict[str, Any]:
    """Accuracy over all images and over those of each digit: `correct` (N,) bool, `digits` (N,) that were requested."""
    by_digit = {str(int(digit)): share_of(correct[digits == digit]) for digit in digits.unique()}
    return {"accuracy": share_of(correct), "accuracy_by_digit": by_digit}


def share_of(correct: Tensor) -> dict[str, float]:
    """Share of true entries of (N,) bool, with its interval."""
    return asdict(wilson(int(correct.sum()), len(correct)))


def unconditional_metrics(probabilities: Tensor, params: EvaluationParams) -> dict[str, Any]:
    """Without a condition: the classifier's confidence, of its `probabilities` (N, 10), and the share of each digit.

    `digit_entropy` is the entropy of those shares in units of ln 10: 1 when all ten are equally frequent.
    """
    from scipy.stats import entropy  # pyright: ignore[reportMissingTypeStubs]

    confidence = probabilities.max(1).values.double().numpy()
    counts: list[int] = probabilities.argmax(1).bincount(minlength=10).tolist()
    mean = float(confidence.mean())
    rng = np.random.default_rng(params.seed)
    return {
        "confidence": asdict(bootstrapped(mean, confidence - mean, params.num_resamples, rng)),
        "digit_entropy": float(entropy(counts, base=10)),
        "share_by_digit": {str(digit): asdict(wilson(count, sum(counts))) for digit, count in enumerate(counts)},
    }
