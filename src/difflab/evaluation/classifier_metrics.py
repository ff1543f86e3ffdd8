"""Accuracy, confidence and class distribution of generated images, from a classifier."""

# Tensor.unique and Tensor.tolist are partially typed.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from torch import Tensor

from difflab.config.studies import EvaluationParams
from difflab.data.classes import DIGITS
from difflab.evaluation.intervals import bootstrapped, wilson


def accuracy_metrics(correct: Tensor, labels: Tensor, classes: Sequence[str] = DIGITS) -> dict[str, Any]:
    """Accuracy of all images and of each class; `correct` (N,) bool, `labels` (N,) int64 are the requested ones.

    `classes`: the names of the labels. The keys are accuracy, and accuracy_by_digit or, for other classes,
    accuracy_by_class.
    """
    by_class = {classes[int(label)]: share_of(correct[labels == label]) for label in labels.unique()}
    return {"accuracy": share_of(correct), f"accuracy_{_by(classes)}": by_class}


def _by(classes: Sequence[str]) -> str:
    return "by_digit" if classes == DIGITS else "by_class"


def share_of(correct: Tensor) -> dict[str, float]:
    """Share of true entries of (N,) bool, with its 95 % interval: value, low and high."""
    return asdict(wilson(int(correct.sum()), len(correct)))


def unconditional_metrics(
    probabilities: Tensor, params: EvaluationParams, classes: Sequence[str] = DIGITS
) -> dict[str, Any]:
    """Metrics of unconditional samples: mean confidence of the classifier and share of each predicted class.

    `probabilities`: (N, K), the softmax of the classifier. `digit_entropy`, or `class_entropy` for other classes, is
    the entropy of the shares in units of ln K: 1 if all K classes are equally frequent.
    """
    from scipy.stats import entropy  # pyright: ignore[reportMissingTypeStubs]

    confidence = probabilities.max(1).values.double().numpy()
    counts: list[int] = probabilities.argmax(1).bincount(minlength=len(classes)).tolist()
    shares = {name: asdict(wilson(count, sum(counts))) for name, count in zip(classes, counts, strict=True)}
    mean = float(confidence.mean())
    rng = np.random.default_rng(params.seed)
    return {
        "confidence": asdict(bootstrapped(mean, confidence - mean, params.num_resamples, rng)),
        f"{'digit' if classes == DIGITS else 'class'}_entropy": float(entropy(counts, base=len(classes))),
        f"share_{_by(classes)}": shares,
    }
