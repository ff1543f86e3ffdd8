"""The model of a metrics file: which numbers are measurements, their flat view, and their differences."""

from pathlib import Path

import pytest

from difflab.evaluation.intervals import Estimate
from difflab.history.measurements import Measurement, bounds_of, metrics_of, read_metrics

ROOT = Path(__file__).parents[2]
TREE = {
    "num_images": 5,
    "mnistm": {
        "accuracy": {"value": 0.9, "low": 0.85, "high": 0.95},
        "frechet": {"value": 2.0, "floor": 0.5},
        "protocol": {"seed": 3, "sampler": {"name": "ddim"}},
    },
    "steps": {"0.25": {"iou": 0.5, "flag": True, "name": "x", "runs": [1.0], "none": {"value": None}}},
    "reported": {"accuracy": {"reported": 0.8, "measured": 0.9}, "protocol": {"seeds": "unknown"}},
}


def test_every_number_is_a_measurement_with_its_path_interval_and_baseline() -> None:
    assert metrics_of(TREE).measurements == [
        Measurement(("num_images",), 5),
        Measurement(("mnistm", "accuracy"), 0.9, 0.85, 0.95),
        Measurement(("mnistm", "frechet"), 2.0, real_baseline=0.5),
        Measurement(("steps", "0.25", "iou"), 0.5),
    ]


def test_the_protocol_is_every_field_below_protocol() -> None:
    expected = {("mnistm", "protocol", "seed"): 3, ("mnistm", "protocol", "sampler", "name"): "ddim"}
    assert metrics_of(TREE).protocol == expected


def test_the_flat_view_has_ends_and_baselines() -> None:
    numbers = metrics_of(TREE).numbers
    assert numbers["mnistm.accuracy.low"] == 0.85 and numbers["mnistm.frechet.real"] == 0.5
    assert numbers["steps.0.25.iou"] == 0.5 and len(numbers) == 7


def test_a_difference_has_an_interval_if_both_have_one() -> None:
    a, b = Measurement(("x",), 0.5, 0.4, 0.6), Measurement(("x",), 0.8, 0.7, 0.9)
    difference = b.minus(a)
    assert isinstance(difference, Estimate)
    assert (difference.value, difference.low) == pytest.approx((0.3, 0.3 - 0.1 * 2**0.5))
    assert b.minus(Measurement(("x",), 0.5)) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        ("mnistm.accuracy_by_digit.8", (0, 1)),
        ("mnistm-svhn.gain.dann", (-1, 1)),
        ("frechet", (-float("inf"), float("inf"))),
    ],
)
def test_bounds_by_name(name: str, bounds: tuple[float, float]) -> None:
    assert bounds_of(name) == bounds


@pytest.mark.parametrize("file", sorted(ROOT.glob("metrics/*.json")), ids=lambda file: file.stem)
def test_intervals_and_baselines_of_the_committed_metrics_are_possible_values(file: Path) -> None:
    metrics = read_metrics(file)
    assert metrics.measurements
    for found in metrics.measurements:
        least, greatest = bounds_of(found.name)
        assert least <= found.value <= greatest
        if found.estimate:
            assert least <= found.estimate.low <= found.value <= found.estimate.high <= greatest
