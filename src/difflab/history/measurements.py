"""A metrics file (metrics/*.json): its numbers with 95 % intervals, and the measurement protocol.

All readers of metrics (claims, reference, verify, compare, seeds, the report, MLflow) use this module.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from difflab.errors import parse_json, reading
from difflab.evaluation.intervals import DIFFERENCE, SHARE, UNBOUNDED, Estimate

NOT_MEASURED = {"protocol", "reported", "reported_fid", "share_of_trained", "runs"}
KEYS = ("low", "high", "real", "floor")  # keys of a measurement; the last two are names of the real baseline
ENDS = (".low", ".high")
# Parts of dotted names: these numbers are shares, or means of numbers between 0 and 1.
SHARES = {
    *("accuracy", "accuracy_by_class", "accuracy_by_digit", "accuracy_by_kind", "test_accuracy", "chance"),
    *("confidence", "class_entropy", "digit_entropy", "share_by_class", "share_by_digit", "precision", "recall"),
    *(
        "coverage",
        "share_nearer",
        "iou",
        "share_without_circle",
        "both",
        "prompts",
        "shows",
        "own_images",
        "images_of_others",
    ),
    *("target", "source", "target_validation", "target_test", "last", "oracle"),
}
DIFFERENCES = {"gain", "difference", "difference_over_runs"}  # of two shares
Numbers = dict[str, float]  # by dotted name
Node = dict[str, Any] | list[Any] | str | float | None  # of a metrics file


@dataclass(frozen=True)
class Measurement:
    """One number of a metrics file: its path, the ends of its interval, and the value for real images."""

    path: tuple[str, ...]
    value: float
    low: float | None = None
    high: float | None = None
    real_baseline: float | None = None

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @property
    def estimate(self) -> Estimate | None:
        return None if self.low is None or self.high is None else Estimate(self.value, self.low, self.high)

    def minus(self, other: Measurement) -> Estimate | float:
        """The difference of two independent measurements, with its interval if both have one."""
        if self.estimate and other.estimate:
            return self.estimate.minus(other.estimate)
        return self.value - other.value


@dataclass(frozen=True)
class Metrics:
    """A metrics file: its measurements in order, and its protocol (each field of each `protocol`, by path)."""

    measurements: list[Measurement]
    protocol: dict[tuple[str, ...], Any]

    def get(self, *path: str) -> Measurement | None:
        return next((found for found in self.measurements if found.path == path), None)

    @property
    def numbers(self) -> Numbers:
        """All numbers by dotted name, including those of intervals and real images: {"a.b": 0.9, "a.b.low": 0.8, …}."""
        named: Numbers = {}
        for found in self.measurements:
            parts = {"": found.value, ".low": found.low, ".high": found.high, ".real": found.real_baseline}
            named |= {found.name + part: float(value) for part, value in parts.items() if value is not None}
        return named


def read_metrics(path: str | Path) -> Metrics:
    """Read a metrics file. Raises UserError with one line if it is not a JSON object."""
    with reading(path):
        return parse_metrics(Path(path).read_bytes(), str(path))


def parse_metrics(content: bytes, place: str) -> Metrics:
    """Parse the `content` of the metrics file `place`. Raises UserError with one line if it is not a JSON object."""
    return metrics_of(parse_json(content, place))


def metrics_of(tree: dict[str, Any]) -> Metrics:
    """The metrics in `tree`: numbers outside lists and `NOT_MEASURED`, alone or as the "value" of an object."""
    return Metrics(list(_measurements(tree, ())), dict(_protocol(tree, (), within=False)))


def bounds_of(name: str) -> tuple[float, float]:
    """The smallest and largest possible value of a measurement, by its dotted name."""
    parts = set(name.split("."))
    if parts & DIFFERENCES:
        return DIFFERENCE
    return SHARE if parts & SHARES else UNBOUNDED


def _measurements(node: dict[str, Node], path: tuple[str, ...]) -> Iterator[Measurement]:
    for name, item in node.items():
        inside = (*path, name)
        if name in NOT_MEASURED:
            continue
        if _is_number(item):
            yield Measurement(inside, item)
        elif isinstance(item, dict) and _is_number(item.get("value")):
            low, high, *real = (item.get(key) if _is_number(item.get(key)) else None for key in KEYS)
            yield Measurement(inside, item["value"], low, high, next((x for x in real if x is not None), None))
        elif isinstance(item, dict):
            yield from _measurements(item, inside)


def _protocol(node: Node, path: tuple[str, ...], within: bool) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(node, dict):
        for name, item in node.items():
            if name != "reported":  # has a protocol of its own
                yield from _protocol(item, (*path, name), within or name == "protocol")
    elif within:
        yield path, node


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
