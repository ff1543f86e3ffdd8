"""`difflab seeds FILE REV REV …`: the mean of each metric over runs of one experiment that differ only in seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from difflab.errors import UserError
from difflab.evaluation.intervals import over_runs
from difflab.history.measurements import ENDS, bounds_of, parse_metrics
from difflab.history.revisions import Revision

if TYPE_CHECKING:
    import pandas as pd  # pyright: ignore[reportMissingTypeStubs]

RULE = "Mean over the revisions with its 95 % interval (Student's t); the revisions must differ only in seeds."


def over_seeds(file: Path, revisions: list[Revision]) -> pd.DataFrame:
    """One row for each number that `file` has in all revisions: mean, low, high, and its value in each.

    Raises UserError for fewer than two revisions, for two names of one commit, or if one of them lacks `file`.
    """
    import pandas as pd  # pyright: ignore[reportMissingTypeStubs]

    if len(revisions) < 2:
        raise UserError(f"REV: found {len(revisions)}, allowed: two or more, one for each seed")
    by_commit = {revision.commit: revision for revision in revisions}
    for revision in revisions:
        if (other := by_commit[revision.commit]) is not revision:
            raise UserError(f"REV: found {revision} and {other}, the same commit, allowed: another one for each seed")
    runs = [parse_metrics(revision.require(file), f"{file} of {revision}").numbers for revision in revisions]
    rows: list[list[str | float]] = []
    for name in runs[0]:
        if not name.endswith(ENDS) and all(name in run for run in runs):
            values = [run[name] for run in runs]
            mean = over_runs(values, bounds_of(name))
            rows.append([name, mean.value, mean.low, mean.high, *values])
    return pd.DataFrame(rows, columns=["metric", "mean", "low", "high", *map(str, revisions)])
