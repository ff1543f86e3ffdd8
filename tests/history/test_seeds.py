"""`difflab seeds`: one experiment with several seeds."""

from pathlib import Path

import pytest
from hand_written import METRICS, Pipeline

from difflab.errors import UserError
from difflab.history.revisions import Revision
from difflab.history.seeds import over_seeds


def test_mean_with_students_interval(pipeline: Pipeline) -> None:
    """t of 2 degrees of freedom at 97.5 % is 4.303; of 1, 2 and 6 the standard error of the mean is 1.5275."""
    commits = [
        pipeline.make(str(value), metrics=METRICS | {"loss": value, "accuracy": {"value": 0.5, "low": 0, "high": 1}})
        for value in (1.0, 2.0, 6.0)
    ]
    table = over_seeds(Path("metrics/m.json"), [Revision(commit) for commit in commits]).set_index("metric")
    assert list(table.index) == ["num_images", "accuracy", "loss"]  # no ends of intervals
    row = table.loc["loss"]
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((3.0, 3 - 4.303 * 1.5275, 3 + 4.303 * 1.5275), 1e-3)
    assert list(row[3:]) == [1.0, 2.0, 6.0]


def test_intervals_of_shares_end_at_one(pipeline: Pipeline) -> None:
    commits = [
        pipeline.make(str(value), metrics=METRICS | {"accuracy": {"value": value, "low": 0, "high": 1}, "loss": value})
        for value in (0.9, 0.95, 1.0)
    ]
    table = over_seeds(Path("metrics/m.json"), [Revision(commit) for commit in commits]).set_index("metric")
    assert table.loc["accuracy", "high"] == 1 and table.loc["loss", "high"] > 1
    assert table.loc["accuracy", "low"] == table.loc["loss", "low"] < 0.9


def test_one_seed_is_not_enough(pipeline: Pipeline) -> None:
    commit, other = (Revision(pipeline.make(name)) for name in ("made", "made again"))
    with pytest.raises(UserError, match="found 1"):
        over_seeds(Path("metrics/m.json"), [commit])
    with pytest.raises(UserError, match=r"metrics/other\.json: not found in"):
        over_seeds(Path("metrics/other.json"), [commit, other])


def test_two_names_of_one_commit_are_one_seed(pipeline: Pipeline) -> None:
    """They would halve the variance of the mean."""
    commit = pipeline.make("made")
    with pytest.raises(UserError, match=rf"^REV: found HEAD and {commit}, the same commit"):
        over_seeds(Path("metrics/m.json"), [Revision("HEAD"), Revision(commit)])
