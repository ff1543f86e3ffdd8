"""Several runs of one training that differ in their seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from difflab.config.training import TrainingParams
from difflab.training.checkpoint import RollingCheckpoint, rolling_checkpoint


def seeded_runs(
    name: str, num_runs: int, training: TrainingParams, params: Sequence[Any], inputs: Sequence[Path]
) -> Iterator[tuple[TrainingParams, RollingCheckpoint]]:
    """The parameters of each run, with the seeds training.seed, training.seed + 1, …, and its own checkpoint.

    A killed stage that iterates again continues with the run that was interrupted; finished runs only load theirs.
    `params` and `inputs`: all else that a run depends on, see `rolling_checkpoint`.
    """
    for seed in range(training.seed, training.seed + num_runs):
        seeded = training.model_copy(update={"seed": seed})
        with rolling_checkpoint(f"{name}-{seed}", [seeded, *params], inputs) as checkpoint:
            yield seeded, checkpoint
