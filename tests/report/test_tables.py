"""Numbers of any metrics file, and tables of them."""

import pytest

from difflab.history.measurements import Measured, measurements, protocols
from difflab.report.systems import MetricsTable, load_systems
from difflab.report.tables import duration, shown, table_of

ACCURACY = {"value": 0.9, "low": 0.85, "high": 0.95}


def test_every_number_is_found_with_its_interval_and_its_place() -> None:
    found = measurements(
        {
            "num_images": 5,
            "mnistm": {"accuracy": ACCURACY, "frechet": {"value": 2.0, "floor": 0.5}, "protocol": {"seed": 3}},
            "steps": {"0.25": {"iou": 0.5, "flag": True, "name": "x", "runs": [1.0]}},
            "reported": {"accuracy": {"reported": 0.8, "measured": 0.9}},
        }
    )
    assert found == [
        Measured(("num_images",), 5),
        Measured(("mnistm", "accuracy"), 0.9, 0.85, 0.95),
        Measured(("mnistm", "frechet"), 2.0, real=0.5),
        Measured(("steps", "0.25", "iou"), 0.5),
    ]


def test_protocols_are_what_says_how_it_was_measured() -> None:
    metrics = {"a": {"protocol": {"seed": 3}, "accuracy": 1.0}, "reported": {"protocol": {"seeds": "unknown"}}}
    assert protocols(metrics) == {("a", "protocol", "seed"): 3}


def test_a_table_has_a_row_for_each_thing_measured_and_one_scale_for_each_column() -> None:
    systems = load_systems()
    variants = {
        name: {"accuracy": {"value": at, "low": at - 0.1, "high": at + 0.1}}
        for name, at in (("s-10", 0.5), ("s-5", 0.7))
    }
    table = table_of(
        MetricsTable(title="", columns=["accuracy", "kernel"]), {"": measurements({"variants": variants})}, systems
    )
    assert table.columns == [("Accuracy", "up")]  # no number of the other
    assert [label for label, _ in table.rows] == ["s-5", "s-10"]  # by number, without the part that all share
    [[cell], [other]] = [cells for _, cells in table.rows]
    assert cell and other and (other.low, other.at, cell.at, cell.high) == (0.0, 25.0, 75.0, 100.0)


def test_rows_are_in_the_order_of_their_numbers() -> None:
    scales = {scale: {"iou": 0.5} for scale in ("0", "0.25", "0.5", "1", "10", "2")}
    table = table_of(MetricsTable(title="", columns=["iou"]), {"": measurements({"scales": scales})}, load_systems())
    assert [label for label, _ in table.rows] == ["0", "0.25", "0.5", "1", "2", "10"]


def test_rows_of_several_files_name_theirs() -> None:
    files = {name: measurements({"mnistm": {"accuracy": ACCURACY}}) for name in ("b", "a")}
    table = table_of(MetricsTable(title="", columns=["accuracy"]), files, load_systems())
    assert [label for label, _ in table.rows] == ["b", "a"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000"),
        (3, "3"),
        (0.12345, "0.123"),
        (12.345, "12.35"),
        (129.358, "129.4"),
        (2.7e-9, "2.7e-09"),
        (-0.0047, "-0.005"),
    ],
)
def test_shown(value: float, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "–"), (3.21, "3.2 s"), (59.6, "1 min 0 s"), (252, "4 min 12 s"), (7265, "2 h 1 min")]
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
