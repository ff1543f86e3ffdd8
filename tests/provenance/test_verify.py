"""`difflab verify`: committed metrics against those of this machine."""

import json
from pathlib import Path

import pytest
from hand_written import METRICS, Pipeline
from hypothesis import given
from hypothesis import strategies as st

from difflab.verification import judge, verify

VALUES = st.floats(-1e6, 1e6)


def measured(**changed) -> None:
    Path("metrics/m.json").write_text(json.dumps(METRICS | changed))


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        ({}, True),
        ({"accuracy": {"value": 0.7, "low": 0.6, "high": 0.8}}, True),
        ({"accuracy": {"value": 0.69, "low": 0.6, "high": 0.8}}, False),
        ({"num_images": 11}, False),
        ({"floor": 0.3}, True),
        ({"accuracy": None}, False),
        ({"floor": None}, False),
    ],
)
def test_all_have_to_hold(pipeline: Pipeline, capsys, changed: dict, holds: bool) -> None:
    pipeline.make("made")
    measured(**changed)
    assert verify(None) is holds
    told = capsys.readouterr().out
    assert told.splitlines()[-1] == ("All hold: 1 of 1 files." if holds else "1 metrics do not hold.")
    assert all(name in told for name in ([] if holds else changed))


def test_missing_file_does_not_hold(pipeline: Pipeline) -> None:
    pipeline.make("made")
    Path("metrics/m.json").unlink()
    assert not verify(None)


def test_another_experiment_is_not_judged(pipeline: Pipeline, capsys) -> None:
    pipeline.make("made")
    pipeline.make("changed", rate=0.2, metrics=METRICS | {"num_images": 3})
    pipeline.git("reset", "--quiet", "--soft", "HEAD~1")
    assert not verify(None)
    told = capsys.readouterr().out
    assert "metrics/m.json  another experiment: train@m: train.rate: 0.1 → 0.2" in told
    assert told.splitlines()[-1] == "None is of the same experiment."


def test_hashes_and_reports_are_not_judged() -> None:
    committed = {"extractor_sha256": "a", "reported": {"accuracy": 0.9}, "extractor": "judge"}
    assert [j.metric for j in judge(committed, {"extractor": "judge"})] == ["extractor"]


@given(value=VALUES, low=VALUES, high=VALUES)
def test_interval_holds_what_lies_in_it(value: float, low: float, high: float) -> None:
    committed = {"a": [{"b": {"value": (low + high) / 2, "low": low, "high": high, "n": 4}}]}
    first, *others = sorted(judge(committed, {"a": [{"b": {"value": value, "n": 4}}]}), key=lambda j: j.metric)
    assert first.metric == "a.0.b" and first.holds is (low <= value <= high)
    assert [(j.metric, j.holds) for j in others] == [("a.0.b.n", True)]
