"""The loss over a training, as `dvc plots` reads it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from difflab.pipeline.files import atomic_write

COLUMNS = ["step", "epoch", "loss", "grad_norm", "learning_rate"]


def write_curve(log: Path, file: Path) -> None:
    """The lines with a loss of `log`, which fit.py describes, as a CSV file."""
    rows = [line for line in map(json.loads, log.read_bytes().splitlines()) if "loss" in line]
    with atomic_write(file) as partial, partial.open("w", newline="", encoding="utf-8") as table:
        writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
