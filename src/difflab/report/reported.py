"""What others reported beside what was measured here: from the metrics that hold both, then what none of them holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from difflab.evaluation.targets import Targets
from difflab.history.measurements import Measured, measurements

MET, WITHIN, MISSED, NOT_RUN = "met", "within the interval", "not met", "not run yet"


@dataclass(frozen=True)
class Row:
    """One reported number, ours beside it, and whether ours reaches it or why that is not known."""

    what: str
    measure: str
    reported: str
    measured: Measured | None
    met: str


def all_rows(metrics: dict[str, dict[str, Any]], targets: Targets) -> list[Row]:
    """`metrics`: the contents of the files of metrics by name, of those that are there."""
    rows = [row for name, found in metrics.items() for row in reported_rows(name, found)]
    zero_shot = metrics.get("zero_shot")
    if zero_shot is None or "reported" not in zero_shot:
        met = NOT_RUN if zero_shot is None else f"not comparable: {zero_shot['num_classes']} classes here"
        measure = f"accuracy on {targets.zero_shot.num_classes} classes of photographs"
        rows += [Row("zero_shot", measure, f"{value:.3f}", None, met) for value in targets.zero_shot.accuracies]
    return rows


def reported_rows(name: str, metrics: dict[str, Any]) -> list[Row]:
    """The rows of the file metrics/`name`.json: accuracies, of which more is better, and where `fid_study` is best."""
    found = {measured.path: measured for measured in measurements(metrics)}
    rows = []
    for label, pair in metrics.get("reported", {}).items() if isinstance(metrics.get("reported"), dict) else ():
        if label != "protocol" and isinstance(pair, dict):
            head, _, domain = label.partition("_")
            measured = found[(domain, head) if domain else (head,)]
            for value in pair["reported"] if isinstance(pair["reported"], list) else [pair["reported"]]:
                rows.append(_row(" · ".join(filter(None, [name, domain])), head, value, measured))
    rows += [
        _row(" · ".join(path), "accuracy on the target", value, found[*path, "target"])
        for path, value in _nested(metrics, ())
    ]
    if any(item.get("reported_fid") for item in metrics.get("lengths", {}).values()):
        rows.append(_best_length(metrics["lengths"]))
    return rows


def _row(what: str, measure: str, reported: float, measured: Measured) -> Row:
    if measured.value >= reported:
        met = MET
    else:
        met = WITHIN if measured.high is not None and measured.high >= reported else MISSED
    return Row(what, measure, f"{reported:.3f}", measured, met)


def _nested(node: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], float]]:
    """Numbers named `reported` beside a `target`: those of domain adaptation."""
    for name, item in node.items():
        if isinstance(item, dict) and "target" in item and item.get("reported") is not None:
            yield (*path, name), item["reported"]
        elif isinstance(item, dict):
            yield from _nested(item, (*path, name))


def _best_length(lengths: dict[str, Any]) -> Row:
    """Distances in two classifiers' features have no common scale; where they are least has one."""
    graded = [item for item in lengths.values() if item.get("reported_fid")]
    theirs = min(graded, key=lambda item: sum(item["reported_fid"]))["share_of_trained"]
    ours = min(lengths.values(), key=lambda item: item["mean"])["share_of_trained"]
    measured = Measured(("best length",), ours)
    measure = "best length of the schedule, as a share of the trained one"
    return Row("fid_study", measure, f"{theirs:.3g}", measured, MET if ours == theirs else MISSED)
