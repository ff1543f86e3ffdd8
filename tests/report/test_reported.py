"""Reported values next to measured ones, judged only where data, size and classifier are those of the report."""

from dataclasses import replace
from pathlib import Path

import pytest

from difflab import cli
from difflab.config.data import SetParams
from difflab.evaluation.targets import load_targets
from difflab.report.reported import LEFT_OUT, NOT_RUN, OTHER, Settings, fid_rows, load_settings, reported_rows

ROOT = Path(__file__).parents[2]
TARGETS = load_targets(ROOT / "metrics/targets.yaml")
REAL = {"mnist": "torchvision/MNIST", "mnistm": "blended/MNIST", "svhn": "torchvision/SVHN", "usps": "torchvision/USPS"}
BEST, ZERO_SHOT = "fid_study", "zero_shot"
MEASURABLE = {*TARGETS.accuracy, "adapt", BEST, ZERO_SHOT}  # metrics files of a pipeline with everything


def accuracy(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.01, "high": value + 0.01}


def metrics(classes: int = 50, best: str = "80") -> dict[str, dict]:
    """All that was reported, measured: of `joint-cosine` 0.95, of adaptation 0.5, of CLIP 0.6."""
    lengths = {
        name: {"frechet": [3.0, 2.0, 1.0], "mean": 2.0 - (name == best), "share_of_trained": int(name) / 80}
        for name in ("10", "80", "200")
    }
    scenarios = {
        scenario: {method: {"target": accuracy(0.5), "reported": 0.1} for method in methods}
        for scenario, methods in TARGETS.adaptation.items()
    }
    recipe = {"accuracy": accuracy(0.95)} | {domain: {"accuracy": accuracy(0.95)} for domain in ("mnistm", "svhn")}
    protocol = {"num_generated": 90, "reference": "stand-ins", "extractor": "judge-mnist"}
    return {
        "joint-cosine": recipe,
        "fid_study": {"lengths": lengths, "best_share_of_trained": int(best) / 80, "protocol": protocol},
        "adapt": scenarios,
        "zero_shot": {"num_classes": classes, "num_images": 50 * classes, "accuracy": accuracy(0.6)},
    }


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Of the profile `paper` with real data, the course's classifier and photographs."""
    return settings(
        tmp_path_factory.mktemp("paper"),
        "paper",
        "data.root=/data",
        *(f"data.sets.{name}.source={source}" for name, source in REAL.items()),
        "judge.checkpoint=/data/judge.pt",
        "zero_shot.images=/data/photographs",
    )


@pytest.fixture(scope="module")
def cpu(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings(tmp_path_factory.mktemp("cpu"), "cpu")


def settings(folder: Path, profile: str, *overrides: str) -> Settings:
    (folder / "conf").symlink_to(ROOT / "conf")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        cli.profile(profile, list(overrides))
        return load_settings()


def compared(rows: list) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.what, []).append(row.met)
    return found


def test_the_default_profile_is_compared_with_nothing(cpu: Settings) -> None:
    rows = reported_rows(metrics(), TARGETS, cpu, MEASURABLE)
    assert len(rows) == 3 + 1 + 6 + 2
    assert all(row.met == OTHER and row.differs and row.measured is not None for row in rows)
    differs = {row.what: " ".join(row.differs) for row in rows}
    assert "mnistm and svhn" in differs["joint-cosine"] and "classifier" in differs["joint-cosine · mnistm"]
    assert "classifier" not in differs["joint-cosine · svhn"]
    assert all("16×16" in text for what, text in differs.items() if what != ZERO_SHOT)
    assert "T = 80" in differs[BEST] and "72 images a run" in differs[BEST] and "CLIP" in differs[ZERO_SHOT]


def test_real_data_of_the_same_size_are_compared(paper: Settings) -> None:
    rows = reported_rows(metrics(), TARGETS, paper, MEASURABLE)
    assert compared(rows) == {
        "joint-cosine": ["within the interval"],
        "joint-cosine · mnistm": ["met"],
        "joint-cosine · svhn": ["not met"],
        "fid_study": ["met"],
        "mnistm-svhn · source-only": ["met"],
        "mnistm-svhn · dann": ["met"],
        "mnistm-svhn · target-only": ["not met"],
        "mnistm-usps · source-only": ["not met"],
        "mnistm-usps · dann": ["not met"],
        "mnistm-usps · target-only": ["not met"],
        "zero_shot": ["met", "not met"],
    }
    assert not any(row.differs for row in rows)
    assert {row.what: row.reported for row in rows}["mnistm-svhn · target-only"] == "0.9185"
    assert compared(reported_rows(metrics(best="10"), TARGETS, paper, MEASURABLE))[BEST] == ["not met"]


@pytest.mark.parametrize(
    ("change", "whats"),
    [
        ({"digit_size": 16}, {"joint-cosine", "mnistm-svhn · dann", "mnistm-usps · dann", BEST}),
        ({"digit_classifier": None}, {"joint-cosine", "joint-cosine · mnistm"}),
        ({"clip": None}, {ZERO_SHOT}),
        ({"zero_shot_images": None}, {ZERO_SHOT}),
    ],
)
def test_one_difference_is_enough(paper: Settings, change: dict, whats: set[str]) -> None:
    rows = reported_rows(metrics(), TARGETS, replace(paper, **change), MEASURABLE)
    others = {row.what for row in rows if row.met == OTHER}
    assert whats <= others and {row.what for row in rows if row.differs} == others
    assert len(others) < len({row.what for row in rows})


def test_a_stand_in_concerns_only_its_rows(paper: Settings) -> None:
    sets = paper.sets | {"usps": SetParams(source="embedded/usps")}
    rows = reported_rows(metrics(), TARGETS, replace(paper, sets=sets), MEASURABLE)
    assert {row.what.split(" · ")[0] for row in rows if row.met == OTHER} == {"mnistm-usps"}


def test_other_numbers_of_classes_or_images_are_not_compared(paper: Settings) -> None:
    rows = reported_rows(metrics(classes=74), TARGETS, paper, MEASURABLE)
    [first, _] = [row for row in rows if row.what == ZERO_SHOT]
    assert first.met == OTHER and first.measured and first.measured.value == 0.6
    assert "74 classes" in first.differs[0] and "3,700 images" in first.differs[1]
    few = replace(
        paper, fid=paper.fid.model_copy(update={"drawing": paper.fid.drawing.model_copy(update={"num_images": 90})})
    )
    assert compared(reported_rows(metrics(), TARGETS, few, MEASURABLE))[BEST] == [OTHER]


def test_what_was_not_run_yet(cpu: Settings) -> None:
    rows = reported_rows({}, TARGETS, cpu, MEASURABLE)
    assert len(rows) == 12 and all(row.met == NOT_RUN and row.measured is None for row in rows)
    assert [row.measured for row in fid_rows({}, TARGETS)] == [[]] * 8


def test_what_is_left_out(paper: Settings) -> None:
    """A system, and a scenario of one that has run."""
    found = metrics()
    del found["zero_shot"], found["adapt"]["mnistm-svhn"]
    rows = reported_rows(found, TARGETS, paper, MEASURABLE - {ZERO_SHOT})
    assert {row.what for row in rows if row.met == LEFT_OUT and row.measured is None} == {
        ZERO_SHOT,
        *(f"mnistm-svhn · {method}" for method in TARGETS.adaptation["mnistm-svhn"]),
    }
    assert NOT_RUN not in {row.met for row in rows}


def test_every_reported_fid_is_in_the_table_and_every_measured_one() -> None:
    rows = fid_rows(metrics(), TARGETS)
    assert {row.reported_length: row.reported for row in rows if row.reported} == TARGETS.fid_study
    matched = {row.length: row.reported_length for row in rows if row.length}
    assert matched == {10: 100, 80: 800, 200: 2000}  # by their share of T = 80 and of T = 800
    assert [row.share for row in rows][-3:] == [1.25, 1.625, 2.5] and rows[-1].reported == []
