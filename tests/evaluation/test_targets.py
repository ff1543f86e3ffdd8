"""metrics/targets.yaml: the reported values."""

from pathlib import Path
from statistics import mean

import pytest

from difflab.errors import UserError
from difflab.evaluation.targets import load_targets

FILE = Path(__file__).parents[2] / "metrics/targets.yaml"


def test_reported_accuracies_are_their_counts():
    reported = load_targets(FILE).accuracy["joint-cosine"]
    assert {domain: part.num_correct for domain, part in reported.by_domain.items()} == {"mnistm": 230, "svhn": 247}
    assert reported.overall.value == 0.954
    assert reported.overall.num_correct == sum(part.num_correct for part in reported.by_domain.values())
    for part in (reported.overall, *reported.by_domain.values()):
        assert part.value == part.num_correct / part.num_images


def test_reported_fid_study():
    targets = load_targets(FILE)
    assert list(targets.fid_study) == [100, 300, 500, 700, 800, 900, 1000, 1300]
    means = {length: mean(runs) for length, runs in targets.fid_study.items()}
    assert min(means, key=means.__getitem__) == 800
    assert sum(means.values()) == pytest.approx(191.427, abs=1e-6)  # of the report's 24 numbers
    assert set(targets.protocols) == {"joint-cosine", "fid_study"}


def test_reported_stands_beside_measured():
    measured = {
        "accuracy": {"value": 0.9},
        "mnistm": {"accuracy": {"value": 0.8}},
        "svhn": {"accuracy": {"value": 1.0}},
    }
    targets = load_targets(FILE)
    reported = targets.beside_accuracy("joint-cosine", measured)["reported"]
    assert reported.pop("protocol")["num_generated"] == 500
    assert reported == {
        "accuracy": {"reported": 0.954, "measured": 0.9},
        "accuracy_mnistm": {"reported": 0.92, "measured": 0.8},
        "accuracy_svhn": {"reported": 0.988, "measured": 1.0},
    }
    assert targets.beside_accuracy("onehot-350", measured) == {}


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("value: 0.954", "value: high", r"accuracy\.joint-cosine\.overall\.value: found \"high\""),
        ("1.532, 1.688", "1.532", r"fid_study\.800: found \[1\.532, 1\.47\]"),
        ("source: reported", "source: measured", r"source: found \"measured\", allowed: 'reported'"),
        ("accuracy:", "accuracy: [", "not YAML"),
    ],
)
def test_an_invalid_file_is_one_line(tmp_path, old, new, found):
    path = tmp_path / "targets.yaml"
    with pytest.raises(UserError, match=r"targets\.yaml: not found$"):
        load_targets(path)
    path.write_text(FILE.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=rf"targets\.yaml: .*{found}") as caught:
        load_targets(path)
    assert "\n" not in str(caught.value)
