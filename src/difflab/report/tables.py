"""Tables of measurements, one for each kind of metrics, with the intervals of a column plotted on a common scale."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from difflab.history.measurements import Measurement
from difflab.report.html import interval, shown
from difflab.report.systems import MetricsTable, Systems

NUMBER = re.compile(r"\d+(?:\.\d+)?")
Row = tuple[str, ...]  # the item of a stage, and the path of the measurement


@dataclass(frozen=True)
class Cell:
    """`low`, `at`, `high`, `real`: positions on the column's scale in %, if there is an interval."""

    value: float
    text: str
    interval: str = ""
    low: float | None = None
    at: float | None = None
    high: float | None = None
    real: float | None = None


@dataclass(frozen=True)
class Table:
    title: str
    row_header: str
    columns: Sequence[tuple[str, str | None]]  # title, and the better direction, up or down
    rows: Sequence[tuple[str, Sequence[Cell | None]]]


def table_of(text: MetricsTable, found: Mapping[str, Sequence[Measurement]], systems: Systems) -> Table:
    """A table. `found`: the measurements, by item of their stage."""
    columns: dict[str, dict[Row, Measurement]] = {name: {} for name in text.columns}
    rows: dict[Row, None] = {}
    for item, measurements in found.items():
        for measurement in measurements:
            *of, name = measurement.path
            if name in columns:
                named = [part.replace("_", " ") for part in of]  # names of metrics; an item is named by the user
                row = (item, *named) if len(found) > 1 else tuple(named)
                rows[row] = None
                columns[name][row] = measurement
    cells = {name: _column(column) for name, column in columns.items() if column}
    titles = [(systems.measures[name].title, systems.measures[name].better) for name in cells]
    labels, ordered = _labels(list(rows)), sorted(rows, key=_order(rows))
    return Table(
        text.title, text.rows, titles, [(labels[row], [cells[name].get(row) for name in cells]) for row in ordered]
    )


def _labels(rows: Sequence[Row]) -> dict[Row, str]:
    """The labels of the rows, without parts that all rows have in common."""
    shared = {i for i in range(max(map(len, rows), default=0)) if len({row[i : i + 1] for row in rows}) == 1}
    if len(rows) == 1:
        return {rows[0]: " · ".join(rows[0])}
    return {row: " · ".join(part for i, part in enumerate(row) if i not in shared) for row in rows}


def _order(rows: Iterable[Row]) -> Callable[[Row], tuple[int, list[float]]]:
    """The rows in the order of the file; rows that differ only in numbers are sorted by them, 5 before 10."""

    def words(row: Row) -> str:
        return NUMBER.sub("", " ".join(row))

    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(words(row), len(first))
    return lambda row: (first[words(row)], [float(number) for number in NUMBER.findall(" ".join(row))])


def _column(column: Mapping[Row, Measurement]) -> dict[Row, Cell]:
    """Cells on a common scale, from the smallest to the largest end of an interval."""
    known = [end for m in column.values() for end in (m.value, m.low, m.high, m.real_baseline) if end is not None]
    least, span = min(known), max(known) - min(known) or 1.0
    cells = {}
    for row, m in column.items():
        ends = (m.low, m.value, m.high, m.real_baseline) if m.estimate else ()
        places = [None if end is None else round(100 * (end - least) / span, 2) for end in ends]
        cells[row] = Cell(m.value, shown(m.value), interval(m), *places)
    return cells
