"""The table of what the report says of each part of the pipeline: systems.yaml beside this file."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from difflab.config.load import read_yaml
from difflab.errors import UserError

TABLE = Path(__file__).with_name("systems.yaml")


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FigureText(Entry):
    title: str
    alt: str


class MetricsTable(Entry):
    title: str
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

    def system_of(self, path: str) -> System | None:
        """Of a figure; None of anything else, and of a figure without an entry."""
        return next((self.systems[name] for name, _ in self._places_of(path)), None)

    def _places_of(self, path: str) -> list[tuple[str, str]]:
        folder, _, stem = path.rpartition(".")[0].rpartition("/")
        entries = [(name, key) for name, system in self.systems.items() for key in system.figures]
        return [(name, key) for name, key in entries if folder == "figures" and fnmatchcase(stem, key)]

    def place_of(self, figure: str) -> tuple[str, str]:
        """The system and the pattern of a figure's file. Raises UserError when it has no entry, or two."""
        found = self._places_of(figure)
        if len(found) != 1:
            entries = ", ".join(f"{name}.figures.{key}" for name, key in found) or "none"
            raise UserError(f"{TABLE.name}: {figure}: found {entries}, allowed: one entry for each figure of dvc.yaml")
        return found[0]

    def text_of(self, figure: str, item: str) -> FigureText:
        """Title and description of a figure of the stage `…@item`."""
        system, key = self.place_of(figure)
        text = self.systems[system].figures[key]
        return FigureText(title=text.title.format(item=item), alt=text.alt.format(item=item))

    def system_measured_by(self, kind: str) -> str:
        """The system of the metrics of a kind of stage. Raises UserError when they have no entry, or two."""
        found = [name for name, system in self.systems.items() if kind in system.metrics]
        if len(found) != 1:
            entries = ", ".join(f"{name}.metrics.{kind}" for name in found) or "none"
            raise UserError(f"{TABLE.name}: {kind}: found {entries}, allowed: one entry for each stage with metrics")
        return found[0]


def load_systems() -> Systems:
    return Systems.model_validate(read_yaml(TABLE))
