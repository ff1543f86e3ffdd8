"""The findings on the page: each claim with measured values, their intervals, and the required values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from difflab.evaluation.intervals import Estimate
from difflab.history.claims import NUMBER, SIGN, SIGNS, State, value_of
from difflab.history.measurements import Measurement, Numbers
from difflab.history.verify import JudgedClaim, Verdict
from difflab.report.html import shown

DIFFERENCE = re.compile(rf"{NUMBER.pattern}\s-\s(?P<file2>[a-z0-9_-]+):(?P<path2>[^\s:()]+)")
ENDS = {".low": "lower end ", ".high": "upper end "}
SYMBOLS = {"<=": "≤", ">=": "≥", "<": "<", ">": ">"}


@dataclass(frozen=True)
class Condition:
    """One inequality of a claim in this run."""

    text: str  # as in claims.yaml
    measured: Measurement  # its left side, with an interval if there is one
    required: str  # such as "≥ 0.93"; "lower end > 0" if it is about an end of that interval
    holds: bool


@dataclass(frozen=True)
class Finding:
    """A claim; `conditions` is empty if this run has not measured it."""

    name: str
    text: str
    system: str  # its key in systems.yaml
    state: State
    conditions: list[Condition]
    seeds: list[float]  # the value of `shown` for each training seed of the reference; one if they share one model
    support: str

    @property
    def shown(self) -> Condition | None:
        """The condition shown in the table: the first that does not hold, or else the first."""
        return next((found for found in self.conditions if not found.holds), next(iter(self.conditions), None))


def findings(verdict: Verdict, metrics: Mapping[str, Numbers]) -> list[Finding]:
    """The findings in the order of claims.yaml; `metrics`: the numbers of this run by metrics file."""
    reference = verdict.reference
    runs = [reference.of_seed(index) for index in range(len(reference.seeds))] if reference else []
    return [_finding(judged, metrics, runs) for judged in verdict.claims]


def _finding(judged: JudgedClaim, metrics: Mapping[str, Numbers], runs: list[dict[str, Numbers]]) -> Finding:
    claim, state = judged.here.claim, judged.state
    conditions = [_condition(text, metrics) for text in claim.holds_if] if state in ("holds", "does not hold") else []
    known = [run for run in runs if all(path in run.get(file, {}) for file, path in claim.numbers)]
    found = Finding(
        judged.name, claim.text.replace("`", ""), claim.system, state, conditions, seeds=[], support=judged.support
    )
    left = SIGN.split(found.shown.text if found.shown else claim.holds_if[0])[0]
    found.seeds.extend(_measured(left, run)[0].value for run in known[: 1 if judged.one_model else None])
    return found


def _condition(text: str, metrics: Mapping[str, Numbers]) -> Condition:
    left, sign, right = SIGN.split(text)
    measured, end = _measured(left, metrics)
    limit = value_of(right, metrics)
    required = f"{end}{SYMBOLS[sign]} {shown(limit) if NUMBER.search(right) else right}"
    return Condition(text, measured, required, SIGNS[sign](value_of(left, metrics), limit))


def _measured(side: str, metrics: Mapping[str, Numbers]) -> tuple[Measurement, str]:
    """One side of an inequality, with its interval if it is a measurement or the difference of two.

    For an end of an interval, returns the measurement itself and "lower end " or "upper end ", otherwise "".
    """
    if number := NUMBER.fullmatch(side):
        numbers, path = metrics[number["file"]], number["path"]
        end = next((end for end in ENDS if path.endswith(end) and path.removesuffix(end) in numbers), "")
        return _measurement(numbers, path.removesuffix(end)), ENDS.get(end, "")
    if pair := DIFFERENCE.fullmatch(side):
        a = _measurement(metrics[pair["file"]], pair["path"])
        change = a.minus(_measurement(metrics[pair["file2"]], pair["path2"]))
        if isinstance(change, Estimate):
            return Measurement((), change.value, change.low, change.high), ""
    return Measurement((), value_of(side, metrics)), ""


def _measurement(numbers: Numbers, name: str) -> Measurement:
    low, high = (numbers.get(name + end) for end in (".low", ".high"))
    return Measurement((name,), numbers[name], low, high)
