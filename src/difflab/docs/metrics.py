"""The reference page of the metrics in metrics/*.json: meanings, units and ranges, from metrics.yaml."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from math import inf
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from difflab.config.load import parse_yaml

FILE = files("difflab") / "docs/metrics.yaml"
HEAD = "| name | meaning | unit | range | better | source |\n|---|---|---|---|---|---|\n"
COUNT = "num_"  # prefix of the names of counts


class Metric(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    meaning: str
    unit: str
    range: list[float | None] = Field(min_length=2, max_length=2)
    better: Literal["higher", "lower"] | None
    source: str | None

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and largest possible value."""
        least, most = self.range
        return -inf if least is None else least, inf if most is None else most


@cache
def load_metrics() -> dict[str, dict[str, Metric]]:
    """The metrics of metrics.yaml, by kind of metrics file and name."""
    tree = parse_yaml(FILE.read_bytes(), str(FILE))
    return TypeAdapter(dict[str, dict[str, Metric]]).validate_python(tree)


def metrics_text() -> str:
    """Markdown with a heading and a table for each kind of metrics file."""
    tables: list[str] = []
    for title, metrics in load_metrics().items():
        rows = (_row(name, metric) for name, metric in metrics.items())
        heading, _, names = title.rstrip(")").partition(" (")
        where = f"In {', '.join(f'`{name}`' for name in names.split(', '))}.\n\n" if names else ""
        tables.append(f"## {heading}\n\n{where}{HEAD}{''.join(rows)}")
    return "\n" + "\n".join(tables) + "\n"


def name_of(path: tuple[str, ...]) -> str | None:
    """The metric of a measurement, by its path in a metrics file; None for an unknown one.

    If the path contains several names, the last one counts; if two end at the same place, the longer one.
    """
    if path[-1].startswith(COUNT):
        return COUNT
    known = {name for metrics in load_metrics().values() for name in metrics}
    for end in range(len(path), 0, -1):
        for start in range(end):
            if (name := ".".join(path[start:end])) in known:
                return name
    return None


def _row(name: str, metric: Metric) -> str:
    shown = f"{name}…" if name == COUNT else name
    allowed, better, source = _range(*metric.bounds), metric.better or "", metric.source or ""
    return f"| {' | '.join([f'`{shown}`', metric.meaning, metric.unit, allowed, better, source])} |\n"


def _range(least: float, most: float) -> str:
    if most < inf:
        return f"{least:g} to {most:g}".replace("-", "−")
    return f"≥ {least:g}" if least > -inf else "any"
