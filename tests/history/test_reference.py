"""The reference: prediction intervals, what makes two runs one experiment, and the command that writes it."""

import json
from pathlib import Path

import numpy as np
import pytest
from one_stage import git

from difflab.config.load import read_yaml
from difflab.config.params import load_params
from difflab.errors import UserError
from difflab.history.dvc_lock import LockedStage, parse_lock
from difflab.history.reference import (
    experiment,
    load_reference,
    make_reference,
    prediction_interval,
    training_seed_keys,
)

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("k", [3, 5])
def test_the_interval_holds_one_more_draw_in_95_of_100_cases(k: int) -> None:
    draws = np.random.default_rng(0).normal(0.7, 0.02, size=(4000, k + 1))
    held = 0
    for *seen, new in draws.tolist():
        interval = prediction_interval({"a": seen}, "a")
        assert interval
        held += interval[0] <= new <= interval[1]
    assert held / len(draws) == pytest.approx(0.95, abs=0.012)


def test_the_interval_is_at_least_that_of_sampling() -> None:
    numbers = {"a": [0.9, 0.9, 0.9], "a.low": [0.85, 0.85, 0.85], "a.high": [0.93, 0.93, 0.93]}
    assert prediction_interval(numbers, "a") == pytest.approx((0.85, 0.93))
    assert prediction_interval({"a": [1.0, 1.0]}, "a") is None


def training_seeds(node: object, key: str) -> list[str]:
    """The keys of all seeds that stand beside a number of epochs."""
    if not isinstance(node, dict):
        return []
    own = [f"{key}.seed"] if {"num_epochs", "seed"} <= node.keys() else []
    return own + [seed for name, item in node.items() for seed in training_seeds(item, f"{key}.{name}".strip("."))]


def test_every_training_seed_is_known() -> None:
    keys = training_seed_keys(load_params(ROOT / "params.yaml"))
    assert sorted(keys) == sorted(training_seeds(read_yaml(ROOT / "params.yaml"), ""))
    assert {"recipes.alpha-500.training.seed", "personalization.custom_diffusion.training.seed"} <= set(keys)


@pytest.mark.parametrize(
    ("params", "same"),
    [
        ({"train.training": {"seed": 100, "num_epochs": 3}}, True),
        ({"compute": {"threads": 2}}, True),
        ({"train.training": {"seed": 0, "num_epochs": 4}}, False),
        ({"train.network": {"width": 3}}, False),
    ],
)
def test_an_experiment_is_its_parameters_but_training_seeds_and_the_machine(params: dict, same: bool) -> None:
    base = {"train.training": {"seed": 0, "num_epochs": 3}, "compute": {"threads": 1}, "train.network": {"width": 2}}

    def hash_with(changed: dict) -> str | None:
        train = LockedStage("train", "train", base | changed, {}, {"models/m": "1"})
        evaluate = LockedStage("evaluate", "evaluate", {}, {"models/m": "1"}, {"metrics/m.json": "2"})
        return experiment({"train": train, "evaluate": evaluate}, "metrics/m.json", ["train.training.seed"])

    assert (hash_with(params) == hash_with({})) is same


def test_parameters_of_other_systems_are_no_part_of_an_experiment() -> None:
    lock = parse_lock((ROOT / "dvc.lock").read_bytes(), (ROOT / "data.dvc").read_bytes())
    names = ("judge-mnist", "joint-cosine", "faces", "controlnet", "adapt")
    hashes = [experiment(lock, f"metrics/{name}.json", []) for name in names]
    assert None not in hashes and len(set(hashes)) == len(names)


def test_each_seed_is_a_run_of_head_and_a_second_call_runs_nothing(repository: Path, capfd) -> None:
    reference = make_reference(2, [])
    assert (reference.commits, reference.seeds) == ([git("rev-parse", "HEAD")], [0, 100])
    assert reference.files["m"].numbers["accuracy"] == pytest.approx([0.9, 0.91])
    assert reference.files["m"].numbers["accuracy.low"] == pytest.approx([0.8, 0.81])
    assert load_reference() == reference
    assert not Path("metrics").exists() and git("status", "--porcelain") == "?? reference.json"
    capfd.readouterr()
    assert make_reference(2, ["m"]) == reference
    assert capfd.readouterr().err.count("Nothing to be done") == 2


def test_a_failed_run_is_named_and_resumed(repository: Path) -> None:
    stage = Path("stages/make.py").read_text()
    Path("stages/make.py").write_text(
        stage.replace("seed / 10_000", "seed / (0 if Path('../../../../fail').exists() else 10_000)")
    )
    git("commit", "--quiet", "--all", "--message", "second")
    Path("fail").touch()
    with pytest.raises(UserError, match="seed-0: the pipeline of"):
        make_reference(2, [])
    assert not Path("reference.json").exists()
    Path("fail").unlink()
    assert make_reference(2, []).files["m"].numbers["accuracy"] == pytest.approx([0.9, 0.91])


@pytest.mark.parametrize(
    ("seeds", "files", "edit", "found"),
    [
        (1, [], False, "--seeds: found 1"),
        (3, ["n"], False, "found 'n', allowed: m"),
        (3, [], True, "sources that differ from HEAD"),
    ],
)
def test_bad_requests_run_nothing(repository: Path, seeds: int, files: list[str], edit: bool, found: str) -> None:
    if edit:
        Path("stages/make.py").write_text("pass")
    with pytest.raises(UserError, match=found):
        make_reference(seeds, files)
    assert not Path(".cache/reference").exists()


def test_an_earlier_commit_gets_more_seeds(repository: Path) -> None:
    first = make_reference(2, [])
    Path("params.yaml").write_text(Path("params.yaml").read_text() + "# edited\n")
    git("commit", "--quiet", "--all", "--message", "second")
    more = make_reference(3, [], "HEAD~1")
    assert more.commits == first.commits
    assert more.files["m"].numbers["accuracy"] == pytest.approx([0.9, 0.91, 0.92])
    assert len(Path("reference.json").read_text().splitlines()) < 30


def name_a_second_file() -> None:
    """In claims.yaml, committed."""
    claims = json.loads(Path("claims.yaml").read_text())
    claims["headline"]["n"] = ["accuracy"]
    Path("claims.yaml").write_text(json.dumps(claims))
    git("commit", "--quiet", "--all", "--message", "second")


def test_files_added_later_or_with_fewer_seeds_leave_the_others(repository: Path) -> None:
    name_a_second_file()
    first = make_reference(3, ["m"])
    both = make_reference(2, ["n"])
    assert both.files["m"] == first.files["m"] and both.seeds == [0, 100, 200]
    assert [len(both.files[name].numbers["accuracy"]) for name in ("m", "n")] == [3, 2]
    assert both.of_seed(1).keys() == {"m", "n"} and both.of_seed(2).keys() == {"m"}
    assert make_reference(2, ["m"]).files["m"] == first.files["m"]


def test_a_later_commit_keeps_the_files_of_the_same_experiment(repository: Path) -> None:
    name_a_second_file()
    first = make_reference(2, ["m"])
    stage = Path("stages/make.py")
    stage.write_text(stage.read_text() + "# another version\n")
    git("commit", "--quiet", "--all", "--message", "third")
    both = make_reference(2, ["n"])
    assert both.files["m"] == first.files["m"] and both.files["n"].commit == git("rev-parse", "HEAD")
    assert len(both.commits) == 2
    before = json.loads(Path("reference.json").read_text())
    before["files"]["m"]["experiment"] = "another"
    Path("reference.json").write_text(json.dumps(before))
    assert make_reference(2, ["n"]).files.keys() == {"n"}


def test_a_seed_that_no_file_has_any_more_is_none_of_the_reference(repository: Path) -> None:
    make_reference(3, ["m"])
    before = json.loads(Path("reference.json").read_text())
    before["files"]["m"] |= {"experiment": "another", "commit": "0" * 40}
    Path("reference.json").write_text(json.dumps(before))
    assert make_reference(2, ["m"]).seeds == [0, 100]
