"""Two revisions side by side: parameters that changed, what that did to the numbers, and pairs of figures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

from difflab.config.load import parse_yaml
from difflab.errors import UserError, parse_json
from difflab.evaluation.comparison import RULE
from difflab.evaluation.intervals import Estimate
from difflab.history.changes import causes, differing_values
from difflab.history.dvc_lock import Lock, LockedStage
from difflab.history.measurements import Measured, measurements, protocols
from difflab.history.revisions import Revision
from difflab.pipeline.files import atomic_write
from difflab.report.images import TYPES, Embedded, embed
from difflab.report.rendering import render
from difflab.report.systems import FigureText, Systems, load_systems
from difflab.report.tables import shown

Outside = Literal["yes", "no", "no interval"]
ORDER = ("yes", "no", "no interval")


@dataclass(frozen=True)
class Difference:
    """A number that is not the same in both; `outside`: the noise, by the rule of `difflab compare`."""

    a: Measured
    b: Measured

    @property
    def difference(self) -> Estimate | float:
        if self.a.estimate and self.b.estimate:
            return self.b.estimate.minus(self.a.estimate)
        return self.b.value - self.a.value

    @property
    def outside(self) -> Outside:
        if not isinstance(self.difference, Estimate):
            return "no interval"
        return "yes" if self.difference.low > 0 or self.difference.high < 0 else "no"


@dataclass(frozen=True)
class Metrics:
    """One file of both; `refused` says why its numbers were not compared."""

    path: str
    differences: list[Difference]
    num_equal: int
    refused: str = ""

    @property
    def num_outside(self) -> int:
        return sum(difference.outside == "yes" for difference in self.differences)


@dataclass(frozen=True)
class Pair:
    """A figure of both; `causes`: why it is not the same, from what was changed on purpose."""

    path: str
    text: FigureText
    a: Embedded
    b: Embedded
    causes: list[str]

    @property
    def slides(self) -> bool:
        """Whether one can lie over the other: animations would not keep step."""
        return (self.a.width, self.a.height) == (self.b.width, self.b.height) and not self.path.endswith(".gif")


@dataclass(frozen=True)
class Comparison:
    a: str
    b: str
    params: list[str]
    metrics: list[Metrics]
    pairs: list[Pair]  # of figures that differ
    same: list[str]  # figures with equal bytes
    only: list[tuple[str, str]]  # what one of them lacks: path, and which has it
    rule: str = RULE.replace("\n", " ")


def compare_revisions(name_a: str, name_b: str | None) -> Comparison:
    """`name_b` None is the working folder. Raises UserError where a revision or a file of it is not there."""
    a, b = Revision(name_a), Revision(name_b)
    outs_a, outs_b = _outs(a.lock), _outs(b.lock)
    common = [path for path in outs_b if path in outs_a]
    figures = [path for path in common if PurePath(path).suffix in TYPES]
    differing = [path for path in figures if _md5(a, path, outs_a[path]) != _md5(b, path, outs_b[path])]
    old, new = (parse_yaml(_read(revision, "params.yaml"), f"params.yaml of {revision}") for revision in (a, b))
    systems = load_systems()
    return Comparison(
        str(a),
        str(b),
        list(differing_values(old, new)),
        [_metrics(path, a, b) for path in common if path.endswith(".json")],
        [_pair(path, outs_b[path], a, b, systems) for path in differing],
        [path for path in figures if path not in differing],
        [(p, str(a)) for p in outs_a if p not in outs_b] + [(p, str(b)) for p in outs_b if p not in outs_a],
    )


def write_comparison(comparison: Comparison, folder: Path = Path("report")) -> Path:
    """The page of a comparison, named after its two revisions."""
    names = (name.replace("/", "-").replace(" ", "-") for name in (comparison.a, comparison.b))
    path = folder / f"{'..'.join(names)}.html"
    with atomic_write(path) as partial:
        partial.write_text(render("comparison.html", comparison=comparison), encoding="utf-8")
    return path


def _outs(lock: Lock) -> dict[str, LockedStage]:
    """The figures and metrics, with the stage that made each."""
    found = {out: stage for stage in lock.values() for out in stage.outs}
    return {out: stage for out, stage in found.items() if PurePath(out).parts[0] in ("figures", "metrics")}


def _md5(revision: Revision, path: str, stage: LockedStage) -> str:
    """By dvc.lock; in the working folder that of the file, if it is there, as it may have been made by hand."""
    content = None if revision.commit else revision.read(path)
    return stage.outs[path] if content is None else hashlib.md5(content, usedforsecurity=False).hexdigest()


def _read(revision: Revision, path: str) -> bytes:
    content = revision.read(path)
    if content is None:
        raise UserError(f"{path}: of {revision} found neither in git nor in DVC's cache; `dvc pull` may bring it")
    return content


def _metrics(path: str, a: Revision, b: Revision) -> Metrics:
    old, new = (parse_json(_read(revision, path), f"{path} of {revision}") for revision in (a, b))
    theirs, ours = protocols(old), protocols(new)
    for field in [*theirs, *ours]:
        if theirs.get(field) != ours.get(field):
            found = f"found {theirs.get(field)!r} in A and {ours.get(field)!r} in B"
            return Metrics(path, [], 0, f"{'.'.join(field)}: {found}, allowed: the same one")
    before = {number.path: number for number in measurements(old)}
    both = [(before[number.path], number) for number in measurements(new) if number.path in before]
    differences = sorted((Difference(a, b) for a, b in both if a != b), key=lambda found: ORDER.index(found.outside))
    return Metrics(path, differences, len(both) - len(differences))


def _pair(path: str, stage: LockedStage, a: Revision, b: Revision, systems: Systems) -> Pair:
    text = systems.text_of(path, stage.name.partition("@")[2])
    why = [str(change) for change in causes(stage.name, a.lock, b.lock)]
    return Pair(path, text, embed(path, _read(a, path)), embed(path, _read(b, path)), why)


def text_of(comparison: Comparison) -> str:
    """For the terminal."""
    lines = [f"A: {comparison.a}", f"B: {comparison.b}", "", "Parameters:"]
    lines += [f"  {text}" for text in comparison.params] or ["  the same"]
    for metrics in comparison.metrics:
        if metrics.refused:
            lines += ["", f"{metrics.path}: not compared: {metrics.refused}"]
        elif metrics.differences:
            lines += ["", f"{metrics.path}: {metrics.num_equal} numbers equal, {len(metrics.differences)} not:"]
            lines += [_line(difference) for difference in metrics.differences]
    lines += ["", f"Figures: {len(comparison.same)} the same, {len(comparison.pairs)} not:"]
    lines += [f"  {pair.path}" for pair in comparison.pairs]
    lines += [f"  {path}: only in {where}" for path, where in comparison.only]
    return "\n".join([*lines, "", RULE])


def _line(difference: Difference) -> str:
    a, b, change = difference.a, difference.b, difference.difference
    value = change.value if isinstance(change, Estimate) else change
    ends = f" [{shown(change.low)}, {shown(change.high)}]" if isinstance(change, Estimate) else ""
    mark = "*" if difference.outside == "yes" else " "
    return f"{mark} {' · '.join(b.path)}: {shown(a.value)} → {shown(b.value)}, {value:+.4g}{ends}"
