"""Accuracy, and the JSON files in metrics/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from difflab.pipeline.files import atomic_write


def accuracy(predicted: Tensor, expected: Tensor) -> float:
    """Share of equal entries of two (N,) tensors, in [0, 1]."""
    return (predicted == expected).double().mean().item()


def write_metrics(path: Path, metrics: dict[str, Any]) -> None:
    """Write `metrics` to `path` as JSON; equal metrics give equal bytes."""
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
