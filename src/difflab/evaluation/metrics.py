"""Numbers that judge samples, and the small flat JSON files in metrics/ that hold them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor


def accuracy(predicted: Tensor, expected: Tensor) -> float:
    """Share of equal entries of two (N,) tensors."""
    return (predicted == expected).double().mean().item()


def write_metrics(path: Path, metrics: dict[str, Any]) -> None:
    """Write to a temporary name, then rename; equal metrics give equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(metrics, indent=2) + "\n")
    partial.replace(path)
