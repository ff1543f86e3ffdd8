"""Two files of metrics side by side: like protocols only."""

import copy
import json
import sys
from dataclasses import asdict

import pytest

from difflab import cli
from difflab.errors import UserError
from difflab.evaluation.comparison import compare_metrics
from difflab.evaluation.intervals import wilson

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


def written(path, metrics):
    path.write_text(json.dumps(metrics))
    return path


@pytest.fixture
def paths(tmp_path):
    other = copy.deepcopy(METRICS)
    other["accuracy"] = asdict(wilson(30, 60))
    other["mnistm"]["accuracy_by_digit"]["3"] = asdict(wilson(3, 10))
    other["mnistm"]["frechet"] = {"value": 2.6, "low": 2.2, "high": 3.0, "floor": 0.5}
    other["mnistm"]["precision"]["value"] = 0.5
    other["reported"]["accuracy"]["measured"] = 0.5
    return written(tmp_path / "a.json", METRICS), written(tmp_path / "b.json", other)


def test_differences_and_whether_they_are_outside_the_noise(paths):
    table = compare_metrics(*paths).set_index("metric")
    assert list(table.index) == [
        "accuracy",
        "mnistm.accuracy_by_digit.3",
        "mnistm.frechet",
        "mnistm.precision",
        "mnistm.nearest_training.median",
    ]
    assert list(table["outside the noise"]) == ["yes", "yes", "no", "no interval", "no interval"]
    # Newcombe 1998, table II: 9/10 − 3/10 has the interval 0.1705 to 0.8090
    assert list(table.loc["mnistm.accuracy_by_digit.3"])[:3] == [
        "0.9 [0.5958, 0.9821]",
        "0.3 [0.1078, 0.6032]",
        "-0.6 [-0.809, -0.1705]",
    ]
    assert table.loc["mnistm.frechet", "B − A"] == "0.6 [-0.04031, 1.24]"  # 0.6 ± √(0.4² + 0.5²)
    assert table.loc["mnistm.precision", "B − A"] == "-0.25"


def test_a_file_does_not_differ_from_itself(paths):
    assert "yes" not in set(compare_metrics(paths[0], paths[0])["outside the noise"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_generated": 50}, "mnistm.protocol.num_generated: found 60 in {a} and 50 in {b}, allowed: the same one"),
        (
            {"extractor": "judge"},
            "mnistm.protocol.extractor: found 'judge-mnistm' in {a} and 'judge' in {b}, allowed: ",
        ),
        ({"resize": "none"}, "mnistm.protocol.resize: found None in {a} and 'none' in {b}, allowed: the same one"),
    ],
)
def test_unlike_protocols_are_refused_with_the_field(paths, change, message):
    a, b = paths
    metrics = json.loads(b.read_text())
    metrics["mnistm"]["protocol"] |= change
    written(b, metrics)
    with pytest.raises(UserError) as caught:
        compare_metrics(a, b)
    assert str(caught.value).startswith(message.format(a=a, b=b))


def test_other_domains_are_refused(paths):
    a, b = paths
    metrics = json.loads(b.read_text())
    metrics["svhn"] = metrics.pop("mnistm")
    with pytest.raises(UserError, match=r"^mnistm\.protocol\.num_generated: found 60 in .*a\.json and None in "):
        compare_metrics(a, written(b, metrics))


def test_reported_values_have_protocols_of_their_own(paths):
    a, b = paths
    metrics = json.loads(b.read_text())
    metrics["reported"]["protocol"]["num_generated"] = 7
    assert len(compare_metrics(a, written(b, metrics))) == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"c\.json: not found$"),
        ("{", r"c\.json: not JSON, line 1: "),
        ("[]", r"c\.json: found a list, allowed: a JSON object"),
        ("{}", r"c\.json: found no protocol, allowed: metrics of a recipe"),
        ('{"test_accuracy": 0.9}', r"c\.json: found no protocol, allowed: metrics of a recipe"),
    ],
)
def test_what_is_no_recipes_metrics_is_one_line(paths, tmp_path, text, message):
    other = tmp_path / "c.json"
    if text is not None:
        other.write_text(text)
    with pytest.raises(UserError, match=message):
        compare_metrics(paths[0], other)


def test_command(paths, monkeypatch, capsys):
    a, b = map(str, paths)
    monkeypatch.setattr(sys, "argv", ["difflab", "compare", a, b])
    cli.main()
    output = capsys.readouterr().out
    assert output.startswith(f"A: {a}\nB: {b}\n\n")
    assert "Newcombe 1998" in output and "mnistm.frechet" in output
    monkeypatch.setattr(sys, "argv", ["difflab", "compare", a, "nosuch.json"])
    with pytest.raises(SystemExit, match=r"^error: nosuch\.json: not found$"):
        cli.main()
