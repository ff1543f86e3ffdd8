"""One experiment with several seeds: each metric's mean over them with its interval, `difflab seeds FILE REV REV …`."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from difflab.errors import UserError
from difflab.evaluation.intervals import over_runs
from difflab.revisions import Revision
from difflab.tracking.closing import numbers_of

RULE = (
    "Mean over the revisions with its 95 % interval by Student's t; each has to differ from the others in seeds alone."
)


def over_seeds(file: Path, revisions: list[Revision]) -> pd.DataFrame:
    """One row for each number that `file` has in all revisions: mean, low, high, and the value in each.

    Raises UserError with fewer than two revisions, or when `file` is missing in one.
    """
    if len(revisions) < 2:
        raise UserError(f"REV: found {len(revisions)}, allowed: two or more, one for each seed")
    values = []
    for revision in revisions:
        content = revision.read(file)
        if content is None:
            raise UserError(f"{file}: not found in {revision}")
        numbers = numbers_of(json.loads(content))
        values.append({name: value for name, value in numbers.items() if not name.endswith((".low", ".high"))})
    rows = []
    for name in values[0]:
        if all(name in one for one in values):
            each = [one[name] for one in values]
            mean = over_runs(each)
            rows.append([name, mean.value, mean.low, mean.high, *each])
    return pd.DataFrame(rows, columns=["metric", "mean", "low", "high", *map(str, revisions)])
