"""The numbers in metrics/*.json, whatever their shape: values, 95 % intervals, and how they were taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from difflab.evaluation.intervals import Estimate

NOT_MEASURED = {"protocol", "reported", "reported_fid", "share_of_trained", "runs"}
Path = tuple[str, ...]
Numbers = dict[str, float]


@dataclass(frozen=True)
class Measured:
    """One number: where it stands in its file, with the ends of its interval and with the value of real images."""

    path: Path
    value: float
    low: float | None = None
    high: float | None = None
    real: float | None = None

    @property
    def row(self) -> Path:
        return self.path[:-1]

    @property
    def measure(self) -> str:
        return self.path[-1]

    @property
    def estimate(self) -> Estimate | None:
        return None if self.low is None or self.high is None else Estimate(self.value, self.low, self.high)


def measurements(metrics: dict[str, Any]) -> list[Measured]:
    """All numbers of a file of metrics in its order, but those that say how they were taken or what others reported."""
    return list(_walk(metrics, ()))


def numbers_by_name(metrics: dict[str, Any]) -> Numbers:
    """Such as {"mnistm.accuracy": 0.9, "mnistm.accuracy.low": 0.8, …}, with `.high` and `.real` where they exist."""
    named: Numbers = {}
    for measured in measurements(metrics):
        name = ".".join(measured.path)
        ends = {"": measured.value, ".low": measured.low, ".high": measured.high, ".real": measured.real}
        named |= {name + end: float(value) for end, value in ends.items() if value is not None}
    return named


def protocols(metrics: dict[str, Any]) -> dict[Path, Any]:
    """How the numbers were taken: by the path of what holds them, each field of each `protocol`."""
    return {path: value for path, value in _leaves(metrics, ()) if "protocol" in path and "reported" not in path}


def _walk(node: dict[str, Any], path: Path) -> Iterator[Measured]:
    for name, item in node.items():
        if name in NOT_MEASURED:
            continue
        if isinstance(item, dict) and "value" in item:
            real = item.get("floor", item.get("real"))
            yield Measured((*path, name), item["value"], item.get("low"), item.get("high"), real)
        elif isinstance(item, dict):
            yield from _walk(item, (*path, name))
        elif isinstance(item, int | float) and not isinstance(item, bool):
            yield Measured((*path, name), item)


def _leaves(node: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(node, dict):
        for name, item in node.items():
            yield from _leaves(item, (*path, name))
    else:
        yield path, node
