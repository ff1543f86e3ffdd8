"""Numbers of any file of metrics, tables of them, and what was reported beside them."""

from pathlib import Path

import pytest

from difflab.evaluation.targets import load_targets
from difflab.history.measurements import Measured, measurements, protocols
from difflab.report.reported import all_rows, reported_rows
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


@pytest.mark.parametrize(("reported", "met"), [(0.88, "met"), (0.92, "within the interval"), (0.96, "not met")])
def test_met(reported: float, met: str) -> None:
    metrics = {"accuracy": ACCURACY, "reported": {"accuracy": {"reported": reported, "measured": 0.9}}}
    [row] = reported_rows("joint-cosine", metrics)
    assert (row.what, row.measure, row.met) == ("joint-cosine", "accuracy", met)


def test_reported_of_a_domain_of_several_reports_and_of_adaptation() -> None:
    domain = {"svhn": {"accuracy": ACCURACY}, "reported": {"accuracy_svhn": {"reported": 0.1}, "protocol": {}}}
    assert [row.what for row in reported_rows("a", domain)] == ["a · svhn"]
    several = {"accuracy": ACCURACY, "reported": {"accuracy": {"reported": [0.1, 0.99]}}}
    assert [row.met for row in reported_rows("zero_shot", several)] == ["met", "not met"]
    adapted = {
        "mnistm-svhn": {"dann": {"target": ACCURACY, "reported": 0.5}, "mcc": {"target": ACCURACY, "reported": None}}
    }
    assert [row.what for row in reported_rows("adapt", adapted)] == ["mnistm-svhn · dann"]


def test_what_was_reported_of_what_was_not_run_or_is_not_comparable() -> None:
    targets = load_targets(Path(__file__).parents[2] / "metrics/targets.yaml")
    rows = all_rows({"zero_shot": {"num_classes": 74, "accuracy": ACCURACY}}, targets)
    assert [(row.what, row.met) for row in rows] == [("zero_shot", "not comparable: 74 classes here")] * 2
    assert [row.met for row in all_rows({}, targets)] == ["not run yet"] * 2
    beside = targets.beside_zero_shot({"num_classes": 50, "accuracy": ACCURACY})
    rows = all_rows({"zero_shot": {"num_classes": 50, "accuracy": ACCURACY} | beside}, targets)
    assert [(row.reported, row.met) for row in rows] == [("0.565", "met"), ("0.635", "met")]


def test_best_length_is_compared_where_distances_have_no_common_scale() -> None:
    def length(share: float, mean: float, fid: list[float]) -> dict[str, object]:
        return {"share_of_trained": share, "mean": mean, "reported_fid": fid}

    lengths = {"10": length(0.5, 9.0, [30.0, 31.0, 30.0]), "20": length(1.0, 4.0, [1.0, 1.5, 1.2])}
    assert reported_rows("fid_study", {"lengths": lengths})[0].met == "met"
    lengths["10"]["mean"] = 1.0
    assert reported_rows("fid_study", {"lengths": lengths})[0].met == "not met"


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
