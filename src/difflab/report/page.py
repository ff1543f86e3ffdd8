"""report/index.html: all figures and metrics of the pipeline, in one file that needs no other files and no network."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from difflab.config.diffusion import RecipeParams
from difflab.data.images import read_equal_sizes
from difflab.errors import UserError, read_json
from difflab.evaluation.targets import REPORTED_T, load_targets
from difflab.history.dag import Stage, read_stages
from difflab.history.dvc_lock import md5_of
from difflab.history.made_here import made_here
from difflab.history.measurements import Measurement, Metrics, metrics_of, read_metrics
from difflab.history.plan import seconds_by_command
from difflab.history.revisions import Revision
from difflab.history.verify import verdict
from difflab.pipeline.dvc_repo import open_repo
from difflab.pipeline.files import atomic_write
from difflab.pipeline.run_records import read_records
from difflab.report.findings import findings
from difflab.report.graph import drawing, kinds
from difflab.report.html import Embedded, duration, embed, render
from difflab.report.reported import fid_rows, load_settings, reported_rows
from difflab.report.systems import FigureText, System, Systems, load_systems
from difflab.report.tables import Table, table_of
from difflab.systems.digits.rows import noise_rows

PAGE = Path("report/index.html")


@dataclass(frozen=True)
class Figure:
    path: str
    stage: Stage
    text: FigureText
    image: Embedded
    md5: str  # as in dvc.lock


@dataclass(frozen=True)
class MetricsFile:
    path: str
    stage: Stage
    metrics: Metrics


@dataclass(frozen=True)
class Section:
    name: str
    system: System
    figures: list[Figure]  # in the order of systems.yaml
    tables: list[Table]
    files: list[MetricsFile]
    absent: list[tuple[str, Stage]]  # figures and metrics that no run has produced yet


@dataclass(frozen=True)
class Strip:
    """Samples of one recipe from the first noises of the bank, in one row."""

    label: str
    seed: int  # of the noise bank
    image: Embedded


def write_report(path: Path = PAGE) -> Path:
    """Write the page, which also lists missing outputs. Raises UserError if a figure or metrics file of dvc.yaml has no
    entry in systems.yaml."""
    stages, systems = read_stages(open_repo()), load_systems()
    trees = {out: read_json(out) for stage in stages for out in stage.metrics if Path(out).exists()}
    by_stem = {Path(out).stem: tree for out, tree in trees.items()}
    known = seconds_by_command(read_records())
    seconds = {stage.name: known[stage.command] for stage in stages if stage.command in known}
    targets, settings, made = load_targets(), load_settings(), made_here()
    judged, sections = verdict(made), _sections(stages, systems, trees)
    measurable = {Path(out).stem for stage in stages for out in stage.metrics}
    page = render(
        "index.html",
        commit=_head(),
        verdict=judged,
        findings=findings(judged, {path.stem: read_metrics(path).numbers for path in made}),
        titles={name: system.title for name, system in systems.systems.items()},
        stages=stages,
        sections=sections,
        parts={section.name for section in sections},
        reported=reported_rows(by_stem, targets, settings, measurable),
        fids=fid_rows(by_stem, targets),
        measured=set(by_stem),
        measurable=measurable,
        reported_t=REPORTED_T,
        fid_protocol=by_stem.get("fid_study", {}).get("protocol"),
        settings=settings,
        targets=targets,
        strips=read_strips(settings.recipes),
        graph=drawing(kinds([stage for stage in stages if stage.outs])),  # the report depends on nearly all
        by_kind=_by_kind(stages, seconds),
        seconds=seconds,
        total=duration(sum(seconds.values()) or None),
    )
    with atomic_write(path) as partial:
        partial.write_text(page, encoding="utf-8")
    return path


def _sections(stages: list[Stage], systems: Systems, trees: dict[str, dict[str, Any]]) -> list[Section]:
    """The sections in the order of systems.yaml, without systems that have no stages in dvc.yaml."""
    sections = {name: Section(name, system, [], [], [], []) for name, system in systems.systems.items()}
    groups: dict[tuple[str, str], list[Figure]] = {(n, k): [] for n, s in systems.systems.items() for k in s.figures}
    for stage in stages:
        for out in stage.figures:
            place = systems.place_of(out)
            if not Path(out).exists():
                sections[place[0]].absent.append((out, stage))
                continue
            content = Path(out).read_bytes()
            text = systems.text_of(out, stage.item)
            groups[place].append(Figure(out, stage, text, embed(out, content), md5_of(content)))
        for out in stage.metrics:
            section = sections[systems.system_measured_by(stage.kind)]
            if out in trees:
                section.files.append(MetricsFile(out, stage, metrics_of(trees[out])))
            else:
                section.absent.append((out, stage))
    for (name, _), group in groups.items():
        sections[name].figures.extend(group)
    for section in sections.values():
        section.tables.extend(table for table in _tables(section, systems) if table.rows)
    return [section for section in sections.values() if section.figures or section.files or section.absent]


def _tables(section: Section, systems: Systems) -> list[Table]:
    by_kind: dict[str, dict[str, list[Measurement]]] = {}
    for file in section.files:
        by_kind.setdefault(file.stage.kind, {})[file.stage.item] = file.metrics.measurements
    return [table_of(text, by_kind[kind], systems) for kind, text in section.system.metrics.items() if kind in by_kind]


def read_strips(recipes: dict[str, RecipeParams], samples: str | Path = "samples") -> list[Strip]:
    """The rows of figures/same_noise.png that have samples; those that most recipes can show come first.

    Raises DataError if an image of a row is missing or damaged.
    """
    rows = [row for row in noise_rows(recipes, samples) if any(file.exists() for file in row.files)]
    count = Counter(row.shows for row in rows)
    strips = []
    for name, shows, files in sorted(rows, key=lambda row: (-count[row.shows], row.shows)):
        spaced = np.pad(read_equal_sizes(files), ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=255)
        buffer = io.BytesIO()
        Image.fromarray(np.concatenate(list(spaced), axis=1)).save(buffer, format="PNG")
        strips.append(Strip(f"{name}, {shows}", recipes[name].sampling.seed, embed("strip.png", buffer.getvalue())))
    return strips


def _head() -> str | None:
    """The current commit; None outside git."""
    try:
        return Revision("HEAD").commit
    except UserError:
        return None


def _by_kind(stages: list[Stage], seconds: dict[str, float]) -> dict[str, tuple[int, float | None]]:
    """The number of stages of each kind, and their total time, as far as known."""
    names: dict[str, list[str]] = {}
    for stage in stages:
        names.setdefault(stage.kind, []).append(stage.name)
    return {kind: (len(of), sum(seconds[n] for n in of if n in seconds) or None) for kind, of in names.items()}
