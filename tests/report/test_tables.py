"""Tables of measurements, and numbers as text."""

import pytest

from difflab.history.measurements import metrics_of
from difflab.report.html import duration, shown
from difflab.report.systems import MetricsTable, load_systems
from difflab.report.tables import Table, table_of

ACCURACY = {"value": 0.9, "low": 0.85, "high": 0.95}


def table(columns: list[str], **files: dict) -> Table:
    found = {name: metrics_of(tree).measurements for name, tree in files.items()}
    return table_of(MetricsTable(title="", rows="Recipe", columns=columns), found, load_systems())


def test_a_row_for_each_thing_measured_and_one_scale_for_each_column() -> None:
    variants = {
        name: {"accuracy": {"value": at, "low": at - 0.1, "high": at + 0.1}}
        for name, at in (("s-10", 0.5), ("s-5", 0.7))
    }
    found = table(["accuracy", "kernel"], a={"variants": variants})
    assert found.columns == [("Accuracy", "up")]  # no number of the other
    assert [label for label, _ in found.rows] == ["s-5", "s-10"]  # by number, without the part that all share
    [[cell], [other]] = [cells for _, cells in found.rows]
    assert cell and other and (other.low, other.at, cell.at, cell.high) == (0.0, 25.0, 75.0, 100.0)
    assert (cell.value, other.value) == (0.7, 0.5) and found.row_header == "Recipe"


def test_rows_are_in_the_order_of_their_numbers() -> None:
    scales = {scale: {"iou": 0.5} for scale in ("0", "0.25", "0.5", "1", "10", "2")}
    assert [label for label, _ in table(["iou"], a={"scales": scales}).rows] == ["0", "0.25", "0.5", "1", "2", "10"]


def test_rows_of_several_files_name_theirs() -> None:
    files = {name: {"two_circles": {"accuracy": ACCURACY}, "without": {"accuracy": 0.5}} for name in ("b_1", "a")}
    rows = ["b_1 · two circles", "b_1 · without", "a · two circles", "a · without"]
    assert [label for label, _ in table(["accuracy"], **files).rows] == rows


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000"),
        (3, "3"),
        (0.12345, "0.123"),
        (12.345, "12.35"),
        (129.358, "129.4"),
        (2.7e-9, "2.7e-09"),
        (-0.042, "−0.042"),
        (-3, "−3"),
    ],
)
def test_shown(value: float, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "–"), (3.21, "3.2 s"), (59.6, "1 min 0 s"), (252, "4 min 12 s"), (7265, "2 h 1 min")]
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
