"""One experiment with several seeds: each metric's mean over them with its interval, `difflab seeds FILE REV REV …`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from difflab.errors import UserError, parse_json
from difflab.evaluation.intervals import DIFFERENCE, SHARE, UNBOUNDED, over_runs
from difflab.history.revisions import Revision
from difflab.tracking.closing import numbers_of

RULE = (
    "Mean over the revisions with its 95 % interval by Student's t; each has to differ from the others in seeds alone."
)


# Parts of dotted names whose numbers are shares, or means of numbers between 0 and 1.
SHARES = {
    *("accuracy", "accuracy_by_class", "accuracy_by_digit", "test_accuracy", "confidence", "share_by_digit"),
    *("precision", "recall", "coverage", "share_nearer", "share_without_circle", "iou", "all_concepts", "shows"),
    *("target", "source", "target_validation", "target_test", "last", "oracle"),
}
DIFFERENCES = {"gain", "difference"}  # of two shares


def bounds_of(name: str) -> tuple[float, float]:
    """The least and the greatest possible value of a metric, by its dotted name."""
    parts = set(name.split("."))
    if parts & DIFFERENCES:
        return DIFFERENCE
    return SHARE if parts & SHARES else UNBOUNDED


def over_seeds(file: Path, revisions: list[Revision]) -> pd.DataFrame:
    """One row for each number that `file` has in all revisions: mean, low, high, and the value in each.

    Raises UserError with fewer than two revisions, with two names of one commit, or when `file` is missing in one.
    """
    if len(revisions) < 2:
        raise UserError(f"REV: found {len(revisions)}, allowed: two or more, one for each seed")
    by_commit = {revision.commit: revision for revision in revisions}
    for revision in revisions:
        if (other := by_commit[revision.commit]) is not revision:
            raise UserError(f"REV: found {revision} and {other}, one commit, allowed: another one for each seed")
    values = []
    for revision in revisions:
        content = revision.read(file)
        if content is None:
            raise UserError(f"{file}: not found in {revision}")
        numbers = numbers_of(parse_json(content, f"{file} of {revision}"))
        values.append({name: value for name, value in numbers.items() if not name.endswith((".low", ".high"))})
    rows = []
    for name in values[0]:
        if all(name in one for one in values):
            each = [one[name] for one in values]
            mean = over_runs(each, bounds_of(name))
            rows.append([name, mean.value, mean.low, mean.high, *each])
    return pd.DataFrame(rows, columns=["metric", "mean", "low", "high", *map(str, revisions)])
