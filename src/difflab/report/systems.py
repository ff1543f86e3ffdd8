"""Texts of the report for each system, its figures and its metrics, from systems.yaml next to this file."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import Literal

from pydantic import BaseModel, ConfigDict

from difflab.config.load import read_yaml
from difflab.errors import UserError

TABLE = Path(__file__).with_name("systems.yaml")


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FigureText(Entry):
    title: str
    alt: str  # alternative text
    caption: str  # explains how to read the figure


class MetricsTable(Entry):
    title: str
    rows: str  # header of the first column
    columns: list[str]


class Measure(Entry):
    title: str
    better: Literal["up", "down"] | None


class System(Entry):
    title: str
    text: str
    figures: dict[str, FigureText]  # by pattern of the file's stem
    metrics: dict[str, MetricsTable]  # by kind of stage


class Systems(Entry):
    systems: dict[str, System]
    measures: dict[str, Measure]

    def place_of(self, figure: str) -> tuple[str, str]:
        """The system of a figure's file, and its key there. Raises UserError unless it has exactly one entry."""
        stem = PurePath(figure).stem
        return self._only(figure, [(n, k) for n, s in self.systems.items() for k in s.figures if fnmatchcase(stem, k)])

    def text_of(self, figure: str, item: str) -> FigureText:
        """The texts of a figure of the stage `…@item`."""
        system, key = self.place_of(figure)
        text = self.systems[system].figures[key]
        return FigureText(**{name: value.format(item=item) for name, value in text})

    def system_measured_by(self, kind: str) -> str:
        """The system of the metrics of a kind of stage. Raises UserError unless they have exactly one entry."""
        return self._only(kind, [(name, kind) for name, system in self.systems.items() if kind in system.metrics])[0]

    def _only(self, what: str, found: list[tuple[str, str]]) -> tuple[str, str]:
        if len(found) != 1:
            entries = ", ".join(": ".join(entry) for entry in found) or "none"
            allowed = "one entry for each figure and each stage with metrics of dvc.yaml"
            raise UserError(f"{TABLE.name}: {what}: found {entries}, allowed: {allowed}")
        return found[0]


def load_systems() -> Systems:
    return Systems.model_validate(read_yaml(TABLE))
