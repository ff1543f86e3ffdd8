"""report/index.html: everything that the pipeline made, in one file that needs no other and no network."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.repo import Repo

from difflab.errors import UserError, read_json
from difflab.evaluation.targets import load_targets
from difflab.history.measurements import Measured, measurements, protocols
from difflab.history.plan import seconds_by_command
from difflab.history.revisions import Revision
from difflab.history.verify import made_here, verdict
from difflab.pipeline.files import atomic_write
from difflab.pipeline.run_records import read_records
from difflab.report.graph import layered
from difflab.report.images import Embedded, embed
from difflab.report.pipeline import Stage, kinds, read_pipeline
from difflab.report.rendering import render
from difflab.report.reported import fid_table, load_settings, reported_rows
from difflab.report.same_noise import read_strips
from difflab.report.systems import FigureText, System, Systems, load_systems
from difflab.report.tables import Table, duration, table_of

PAGE = Path("report/index.html")


@dataclass(frozen=True)
class Figure:
    path: str
    stage: Stage
    text: FigureText
    image: Embedded
    md5: str  # by which dvc.lock knows the file


@dataclass(frozen=True)
class MetricsFile:
    path: str
    stage: Stage
    numbers: list[Measured]
    protocol: dict[tuple[str, ...], Any]


@dataclass(frozen=True)
class Section:
    name: str
    system: System
    figures: list[list[Figure]]  # those of one kind together
    tables: list[Table]
    files: list[MetricsFile]
    absent: list[tuple[str, Stage]]  # figures and metrics that no run has made yet


def write_report(path: Path = PAGE) -> Path:
    """What is not made yet is named on the page. Raises UserError when a figure or metric of dvc.yaml has no entry in
    systems.yaml."""
    stages, systems = read_pipeline(Repo()), load_systems()
    outs = [out for stage in stages for out in stage.metrics if Path(out).exists()]
    metrics = {out: read_json(out) for out in outs}
    known = seconds_by_command(read_records())
    seconds = {stage.name: known[stage.command] for stage in stages if stage.command in known}
    targets, settings = load_targets(), load_settings()
    by_name = {Path(out).stem: found for out, found in metrics.items()}
    page = render(
        "index.html",
        commit=_head(),
        verdict=verdict(made_here()),
        stages=stages,
        sections=_sections(stages, systems, metrics),
        reported=reported_rows(by_name, targets, settings),
        fid=fid_table(by_name, targets, settings),
        findings=[(name, text, f"metrics/{name}.json" in metrics) for name, text in targets.findings.items()],
        strips=read_strips(settings.recipes),
        graph=layered(kinds([stage for stage in stages if stage.outs])),  # the report itself is made from nearly all
        by_kind=_by_kind(stages, seconds),
        seconds=seconds,
        total=duration(sum(seconds.values()) or None),
    )
    with atomic_write(path) as partial:
        partial.write_text(page, encoding="utf-8")
    return path


def _sections(stages: list[Stage], systems: Systems, metrics: dict[str, Any]) -> list[Section]:
    """In the order of systems.yaml; a system of which dvc.yaml has nothing is left out."""
    figures: dict[str, list[Figure]] = {name: [] for name in systems.systems}
    files: dict[str, list[MetricsFile]] = {name: [] for name in systems.systems}
    absent: dict[str, list[tuple[str, Stage]]] = {name: [] for name in systems.systems}
    for stage in stages:
        for out in stage.figures:
            name, _ = systems.place_of(out)
            if not Path(out).exists():
                absent[name].append((out, stage))
                continue
            content = Path(out).read_bytes()
            md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
            figure = Figure(out, stage, systems.text_of(out, stage.item), embed(out, content), md5)
            figures[name].append(figure)
        for out in stage.metrics:
            name = systems.system_measured_by(stage.kind)
            if out not in metrics:
                absent[name].append((out, stage))
                continue
            found = MetricsFile(out, stage, measurements(metrics[out]), protocols(metrics[out]))
            files[name].append(found)
    sections = []
    for name, system in systems.systems.items():
        groups = [[f for f in figures[name] if systems.place_of(f.path)[1] == key] for key in system.figures]
        shown = [group for group in groups if group]
        if shown or files[name] or absent[name]:
            tables = [table for table in _tables(system, files[name], systems) if table.rows]
            sections.append(Section(name, system, shown, tables, files[name], absent[name]))
    return sections


def _tables(system: System, files: Iterable[MetricsFile], systems: Systems) -> list[Table]:
    by_kind: dict[str, dict[str, list[Measured]]] = {}
    for file in files:
        by_kind.setdefault(file.stage.kind, {})[file.stage.item] = file.numbers
    return [table_of(text, by_kind[kind], systems) for kind, text in system.metrics.items() if kind in by_kind]


def _head() -> str | None:
    """The commit; None outside git."""
    try:
        return Revision("HEAD").commit
    except UserError:
        return None


def _by_kind(stages: list[Stage], seconds: dict[str, float]) -> dict[str, dict[str, Any]]:
    """The stages of each kind, and how long those took of which it is known."""
    found: dict[str, dict[str, Any]] = {}
    for stage in stages:
        kind = found.setdefault(stage.kind, {"stages": [], "seconds": None})
        kind["stages"].append(stage)
        if stage.name in seconds:
            kind["seconds"] = (kind["seconds"] or 0.0) + seconds[stage.name]
    return found
