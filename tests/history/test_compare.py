"""Two metrics files side by side: same protocol only. Two revisions: tests/report/test_comparison.py."""

import copy
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from difflab import cli
from difflab.errors import UserError
from difflab.evaluation.intervals import Estimate, wilson
from difflab.history.compare import compare_files

A, B = Path("a.json"), Path("b.json")
METRICS = {
    "num_images": 60,
    "accuracy": asdict(wilson(54, 60)),
    "mnistm": {
        "accuracy_by_digit": {"3": asdict(wilson(9, 10))},
        "frechet": {"value": 2.0, "low": 1.5, "high": 2.5, "floor": 0.5},
        "precision": {"value": 0.75, "real": 0.9},
        "nearest_training": {"median": 40.0},
        "protocol": {"num_generated": 60, "extractor": "judge-mnistm"},
    },
    "reported": {"accuracy": {"reported": 0.95, "measured": 0.9}, "protocol": {"num_generated": 500}},
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With both files."""
    monkeypatch.chdir(tmp_path)
    other = copy.deepcopy(METRICS)
    other["accuracy"] = asdict(wilson(30, 60))
    other["mnistm"]["accuracy_by_digit"]["3"] = asdict(wilson(3, 10))
    other["mnistm"]["frechet"] = {"value": 2.6, "low": 2.2, "high": 3.0, "floor": 0.5}
    other["mnistm"]["precision"]["value"] = 0.5
    other["reported"] = {"accuracy": {"measured": 0.5}, "protocol": {"num_generated": 7}}
    A.write_text(json.dumps(METRICS))
    B.write_text(json.dumps(other))


def change(**protocol: object) -> None:
    """Change the protocol of B."""
    metrics = json.loads(B.read_text())
    metrics["mnistm"]["protocol"] |= protocol
    B.write_text(json.dumps(metrics))


def test_differences_and_whether_they_are_outside_the_noise() -> None:
    compared = compare_files(A, B)
    found = {difference.b.name: difference for difference in compared.differences}
    assert {name: difference.outside for name, difference in found.items()} == {
        "accuracy": "yes",
        "mnistm.accuracy_by_digit.3": "yes",
        "mnistm.frechet": "no",
        "mnistm.precision": "no interval",
    }
    assert (compared.num_equal, compared.num_outside) == (2, 2)
    digit, frechet = found["mnistm.accuracy_by_digit.3"].change, found["mnistm.frechet"].change
    assert isinstance(digit, Estimate) and isinstance(frechet, Estimate)
    # Newcombe 1998, table II: 9/10 − 3/10 has the interval 0.1705 to 0.8090
    assert (digit.low, digit.high) == pytest.approx((-0.8090, -0.1705), abs=5e-5)
    assert frechet.low == pytest.approx(0.6 - (0.4**2 + 0.5**2) ** 0.5)
    assert found["mnistm.precision"].change == -0.25


def test_a_file_does_not_differ_from_itself() -> None:
    compared = compare_files(A, A)
    assert compared.differences == [] and "6 numbers equal, 0 not" in str(compared)


@pytest.mark.parametrize(
    ("field", "a", "b"),
    [("num_generated", 60, 50), ("extractor", "judge-mnistm", "judge"), ("resize", None, "none")],
)
def test_other_protocols_are_refused_with_the_field(field: str, a: object, b: object) -> None:
    change(**{field: b})
    with pytest.raises(UserError, match=rf"^mnistm\.protocol\.{field}: found {a!r} in a\.json and {b!r} in b\.json"):
        compare_files(A, B)


def test_other_domains_are_refused() -> None:
    metrics = json.loads(B.read_text())
    metrics["svhn"] = metrics.pop("mnistm")
    B.write_text(json.dumps(metrics))
    with pytest.raises(UserError, match=r"^mnistm\.protocol\.num_generated: found 60 in a\.json and None in b\.json"):
        compare_files(A, B)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, "not found"),
        ("{", "not JSON, line 1: "),
        ("[]", "found a list"),
        ('{"test_accuracy": 1}', "found no protocol"),
    ],
)
def test_a_file_that_cannot_be_compared_is_one_line(text: str | None, found: str) -> None:
    B.unlink()
    if text is not None:
        B.write_text(text)
    with pytest.raises(UserError, match=rf"^b\.json: {found}") as error:
        compare_files(A, B)
    assert "\n" not in str(error.value)


def test_the_command_prints_an_aligned_table(capsys: pytest.CaptureFixture[str]) -> None:
    cli.compare(str(A), str(B))
    output = capsys.readouterr().out
    assert "Newcombe 1998" in output
    lines = output.splitlines()
    [header] = [line for line in lines if line.startswith("metric")]
    [digit] = [line for line in lines if line.startswith("mnistm.accuracy_by_digit.3")]
    assert digit[header.index("A") :].startswith("0.9 [0.5958, 0.9821]")
    assert digit[header.index("B − A") :].startswith("-0.6 [-0.809, -0.1705]") and digit.endswith("yes")
