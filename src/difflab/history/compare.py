"""`difflab compare`: two metrics files, or parameters, metrics and figures of two revisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Literal

from difflab.config.load import parse_yaml
from difflab.errors import UserError
from difflab.evaluation.intervals import Estimate
from difflab.history.changes import differing_values
from difflab.history.dvc_lock import Lock, LockedStage, md5_of
from difflab.history.measurements import Measurement, Metrics, parse_metrics, read_metrics
from difflab.history.revisions import Revision

RULE = (
    "B − A with the 95 % interval implied by those of A and B (Newcombe 1998, method 10; its generalization MOVER);\n"
    "outside the noise if it excludes 0, as one in twenty does by chance."
)
COLUMNS = ["metric", "A", "B", "B − A", "outside the noise"]
IMAGES = (".png", ".gif")
ORDER = ("yes", "no", "no interval")


@dataclass(frozen=True)
class Difference:
    """A measurement that differs between A and B."""

    a: Measurement
    b: Measurement

    @property
    def change(self) -> Estimate | float:
        return self.b.minus(self.a)

    @property
    def outside(self) -> Literal["yes", "no", "no interval"]:
        """Whether the interval of the difference excludes 0."""
        if not isinstance(self.change, Estimate):
            return "no interval"
        return "yes" if self.change.low > 0 or self.change.high < 0 else "no"


@dataclass(frozen=True)
class ComparedMetrics:
    """One metrics file in A and B; `refused`: the first field in which their protocols differ."""

    name: str
    differences: list[Difference] = field(default_factory=list[Difference])
    num_equal: int = 0
    refused: str = ""

    @property
    def num_outside(self) -> int:
        return sum(difference.outside == "yes" for difference in self.differences)

    def __str__(self) -> str:
        if self.refused:
            return f"{self.name}: not compared: {self.refused}"
        counts = f"{self.name}: {self.num_equal} numbers equal, {len(self.differences)} not"
        return f"{counts}:\n{_table(self.differences)}" if self.differences else counts


@dataclass(frozen=True)
class ComparedRevisions:
    a: Revision
    b: Revision
    params: list[str]
    metrics: list[ComparedMetrics]
    differing: dict[str, LockedStage]  # figures that differ, with their stages in B
    same: list[str]  # identical figures
    only: list[tuple[str, str]]  # figures and metrics in only one revision, with its name

    def __str__(self) -> str:
        lines = [f"A: {self.a}", f"B: {self.b}", "", "Parameters:"]
        lines += [f"  {text}" for text in self.params] or ["  the same"]
        for metrics in self.metrics:
            lines += ["", str(metrics)] if metrics.refused or metrics.differences else []
        lines += ["", f"Figures: {len(self.same)} the same, {len(self.differing)} not:"]
        lines += [f"  {path}" for path in self.differing]
        lines += [f"  {path}: only in {where}" for path, where in self.only]
        return "\n".join([*lines, "", RULE])


def compare_files(path_a: Path, path_b: Path) -> ComparedMetrics:
    """Compare two metrics files. Raises UserError if one has no protocol, or naming the first field that differs."""
    a, b = read_metrics(path_a), read_metrics(path_b)
    for path, metrics in ((path_a, a), (path_b, b)):
        if not metrics.protocol:
            raise UserError(f"{path}: found no protocol, allowed: metrics with a protocol, such as those of a recipe")
    compared = compare_metrics("A and B", a, b, str(path_a), str(path_b))
    if compared.refused:
        raise UserError(compared.refused)
    return compared


def compare_revisions(name_a: str, name_b: str | None) -> ComparedRevisions:
    """Compare two revisions; None is the working folder. Raises UserError if a revision or a file is missing."""
    a, b = Revision(name_a), Revision(name_b)
    outs_a, outs_b = _outs(a.lock), _outs(b.lock)
    common = [path for path in outs_b if path in outs_a]
    figures = [path for path in common if PurePath(path).suffix in IMAGES]
    differing = {p: outs_b[p] for p in figures if _md5(a, p, outs_a[p]) != _md5(b, p, outs_b[p])}
    params = [parse_yaml(revision.require("params.yaml"), f"params.yaml of {revision}") for revision in (a, b)]
    metrics: list[ComparedMetrics] = []
    for path in (path for path in common if path.endswith(".json")):
        old, new = (parse_metrics(revision.require(path), f"{path} of {revision}") for revision in (a, b))
        metrics.append(compare_metrics(path, old, new, "A", "B"))
    only = [(p, str(a)) for p in outs_a if p not in outs_b] + [(p, str(b)) for p in outs_b if p not in outs_a]
    same = [path for path in figures if path not in differing]
    return ComparedRevisions(a, b, list(differing_values(*params)), metrics, differing, same, only)


def compare_metrics(name: str, a: Metrics, b: Metrics, place_a: str, place_b: str) -> ComparedMetrics:
    """Compare the common measurements if the protocols are equal; significant differences come first."""
    for path in [*a.protocol, *b.protocol]:
        old, new = a.protocol.get(path), b.protocol.get(path)
        if old != new:
            found = f"found {old!r} in {place_a} and {new!r} in {place_b}, allowed: the same one"
            return ComparedMetrics(name, refused=f"{'.'.join(path)}: {found}")
    before = {measurement.path: measurement for measurement in a.measurements}
    both = [(before[new.path], new) for new in b.measurements if new.path in before]
    differences = [Difference(old, new) for old, new in both if old != new]
    differences.sort(key=lambda difference: ORDER.index(difference.outside))
    return ComparedMetrics(name, differences, len(both) - len(differences))


def _table(differences: list[Difference]) -> str:
    rows = [COLUMNS, *([d.b.name, _text(d.a), _text(d.b), _text(d.change, "+"), d.outside] for d in differences)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    aligned = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in aligned)


def _text(found: Measurement | Estimate | float, sign: str = "") -> str:
    if isinstance(found, (int, float)):
        return f"{found:{sign}.4g}"
    ends = "" if found.low is None else f" [{found.low:.4g}, {found.high:.4g}]"
    return f"{found.value:{sign}.4g}{ends}"


def _outs(lock: Lock) -> dict[str, LockedStage]:
    """The figures and metrics by path, with their stages."""
    found = {out: stage for stage in lock.values() for out in stage.outs}
    return {out: stage for out, stage in found.items() if PurePath(out).parts[0] in ("figures", "metrics")}


def _md5(revision: Revision, path: str, stage: LockedStage) -> str:
    """The hash in dvc.lock; in the working folder, that of the file if it exists, as it may have been edited."""
    content = None if revision.commit else revision.read(path)
    return stage.outs[path] if content is None else md5_of(content)
