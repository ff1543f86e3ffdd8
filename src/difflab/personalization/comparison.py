"""Both methods over training runs and over groups of concepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from difflab.evaluation.intervals import over_runs

OURS, THEIRS = "custom_diffusion", "textual_inversion"


def summary(values: Sequence[float], least: float) -> dict[str, float]:
    """The mean of independent values between `least` and 1 with its interval by Student's t; of one value no interval.

    `least` is 0 for shares, −1 for differences and cosines.
    """
    if len(values) == 1:
        return {"value": float(values[0])}
    return asdict(over_runs(values, (least, 1.0)))


def with_runs(values: Sequence[float], least: float) -> dict[str, Any]:
    return summary(values, least) | {"runs": list(values)}


def compare(shares: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, Any]:
    """`shares` of images with all concepts, by group, method and run: differences by group, and all groups together.

    Differences are Custom Diffusion's share less that of textual inversion, in runs of one number. Over groups the
    sample is the groups' means, few as they are; `difference_over_runs` is that over runs, each the mean of all groups.
    """
    both = {method: np.array([of_group[method] for of_group in shares.values()]) for method in (OURS, THEIRS)}
    differences = both[OURS] - both[THEIRS]  # (groups, runs)
    overall: dict[str, Any] = {method: {"both": summary(both[method].mean(1), 0.0)} for method in (THEIRS, OURS)}
    overall["difference"] = summary(differences.mean(1), -1.0)
    overall["difference_over_runs"] = with_runs(differences.mean(0).tolist(), -1.0)
    by_group = dict(zip(shares, differences.tolist(), strict=True))
    return {"overall": overall, "differences": {group: with_runs(runs, -1.0) for group, runs in by_group.items()}}
