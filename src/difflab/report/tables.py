"""Numbers as the page shows them: a table for each kind of metrics, and its intervals drawn to one scale a column."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from difflab.history.measurements import Measured, Path
from difflab.report.systems import MetricsTable, Systems

NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Cell:
    """`low`, `at`, `high`, `real`: places on the column's scale in %, where there is an interval."""

    text: str
    interval: str = ""
    low: float | None = None
    at: float | None = None
    high: float | None = None
    real: float | None = None


@dataclass(frozen=True)
class Table:
    title: str
    columns: Sequence[tuple[str, str | None]]  # title, and whether up or down is better
    rows: Sequence[tuple[str, Sequence[Cell | None]]]


def table_of(text: MetricsTable, found: Mapping[str, Sequence[Measured]], systems: Systems) -> Table:
    """`found`: the numbers by the item of their stage; a row is an item and what a number was measured of."""
    by_row: dict[tuple[str, ...], dict[str, Measured]] = {}
    for item, numbers in found.items():
        for number in numbers:
            if number.measure in text.columns:
                parts = (item, *number.row) if len(found) > 1 else number.row
                by_row.setdefault(parts, {})[number.measure] = number
    names = [name for name in text.columns if any(name in row for row in by_row.values())]
    cells = {name: _column({parts: row[name] for parts, row in by_row.items() if name in row}) for name in names}
    labels = _labels(list(by_row))
    rows = [(labels[parts], [cells[name].get(parts) for name in names]) for parts in sorted(by_row, key=_order(by_row))]
    return Table(text.title, [(systems.measures[name].title, systems.measures[name].better) for name in names], rows)


def _labels(rows: Sequence[Path]) -> dict[Path, str]:
    """Without the parts that all rows have in the same place."""
    shared = {i for i in range(max(map(len, rows), default=0)) if len({row[i : i + 1] for row in rows}) == 1}
    if len(rows) == 1:
        return {rows[0]: " · ".join(rows[0])}
    return {row: " · ".join(part for i, part in enumerate(row) if i not in shared) for row in rows}


def _order(rows: Iterable[Path]) -> Callable[[Path], tuple[int, list[float]]]:
    """As they are, but among rows that differ in numbers alone by these: 5 before 10."""

    def words(row: Path) -> str:
        return NUMBER.sub("", " ".join(row))

    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(words(row), len(first))
    return lambda row: (first[words(row)], [float(number) for number in NUMBER.findall(" ".join(row))])


def _column(numbers: Mapping[Path, Measured]) -> dict[Path, Cell]:
    """Cells on one scale, from the least to the greatest end of an interval."""
    ends = [end for number in numbers.values() for end in (number.value, number.low, number.high, number.real)]
    known = [end for end in ends if end is not None]
    least, span = min(known), max(known) - min(known) or 1.0

    def place(value: float | None) -> float | None:
        return None if value is None else round(100 * (value - least) / span, 2)

    cells = {}
    for label, number in numbers.items():
        if number.estimate is None:
            cells[label] = Cell(shown(number.value))
        else:
            places = (place(end) for end in (number.low, number.value, number.high, number.real))
            cells[label] = Cell(shown(number.value), interval(number), *places)
    return cells


def shown(value: float) -> str:
    """About four significant digits."""
    if isinstance(value, int) or (value == int(value) and abs(value) >= 10):
        return f"{value:.0f}"
    magnitude = abs(value)
    if 0 < magnitude < 1e-3:
        return f"{value:.1e}"
    return f"{value:.3f}" if magnitude < 10 else f"{value:.2f}" if magnitude < 100 else f"{value:.1f}"


def interval(number: Measured) -> str:
    return f"{shown(number.low)} – {shown(number.high)}" if number.low is not None and number.high is not None else ""


def duration(seconds: float | None) -> str:
    """Such as 4 min 12 s."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
