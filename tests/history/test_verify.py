"""`difflab verify`: claims and headline measurements of what ran here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from one_stage import lock, trained
from ruamel.yaml import YAML

from difflab.config.params import load_params
from difflab.docs.findings import table, with_findings
from difflab.errors import UserError
from difflab.history.claims import load_claims
from difflab.history.dvc_lock import parse_lock
from difflab.history.made_here import files_left_out, made_here
from difflab.history.reference import FileReference, Reference, experiment, training_seed_keys
from difflab.history.revisions import Revision
from difflab.history.verify import files_of_one_model, verdict, verify

SEEDS = {"accuracy": [0.9, 0.91, 0.92], "accuracy.low": [0.8, 0.81, 0.82], "accuracy.high": [1.0, 1.0, 1.0]}


def run_here() -> None:
    subprocess.run([sys.executable, "stages/make.py", "m"], check=True)


def write_reference(numbers: dict[str, list[float]] = SEEDS) -> Reference:
    kind = experiment(parse_lock(lock(trained()).encode(), b""), "metrics/m.json", training_seed_keys(load_params()))
    files = {"m": FileReference(experiment=kind or "", commit="0" * 40, machine="some", numbers=numbers)}
    reference = Reference(seeds=[0, 100, 200], files=files)
    Path("reference.json").write_text(reference.model_dump_json())
    return reference


def measure(value: float) -> None:
    Path("metrics/m.json").write_text(json.dumps({"accuracy": {"value": value, "low": value - 0.1, "high": 1.0}}))


def test_files_that_only_git_brought_are_not_judged(repository: Path) -> None:
    Path("metrics").mkdir()
    measure(0.9)
    write_reference()
    assert made_here() == []
    with pytest.raises(UserError, match="make repro"):
        verify(None, strict=False)


def test_claims_here_and_in_the_reference(repository: Path) -> None:
    run_here()
    write_reference()
    found = verdict(made_here())
    assert [(c.name, c.here.state, c.support) for c in found.claims] == [
        ("accurate", "holds", "3 of 3 seeds"),
        ("wide", "does not hold", "0 of 3 seeds"),
    ]
    assert (len(found.measurements), found.outside) == (1, []) and "difflab profile cpu" not in str(found)


@pytest.mark.parametrize(("value", "outside", "holds"), [(0.96, 0, True), (0.99, 0, True), (0.70, 1, False)])
def test_measurements_outside_the_interval_are_named(repository: Path, capsys, value, outside, holds) -> None:
    run_here()
    write_reference()
    claims = json.loads(Path("claims.yaml").read_text())
    del claims["claims"]["wide"]
    Path("claims.yaml").write_text(json.dumps(claims))
    measure(value)
    assert len(verdict(made_here()).outside) == outside
    assert verify(None, strict=False) == 0
    assert ("outside: m:accuracy" in capsys.readouterr().out) == bool(outside)
    assert verify(None, strict=True) == (0 if holds else 1)


def test_a_failed_claim_ends_only_strict_verification(repository: Path) -> None:
    run_here()
    assert (verify(None, strict=False), verify(None, strict=True)) == (0, 1)


def test_other_parameters_are_another_experiment(repository: Path) -> None:
    write_reference()
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("num_epochs: 4", "num_epochs: 5", 1))
    Path("dvc.lock").write_text(lock(trained()))
    run_here()
    found = verdict(made_here())
    assert found.skipped == {"other parameters": ["m"]} and "difflab profile cpu" in str(found)


@pytest.mark.parametrize("key", ["faces.sampling", "recipes.joint-cosine.training"])
def test_what_params_yaml_leaves_out_is_no_part_of_this_run(repository: Path, key: str) -> None:
    """Its entry stays in dvc.lock, and its results in the folder."""
    run_here()
    write_reference()
    Path("dvc.lock").write_text(lock(trained() | {key: {"seed": 0}}))
    assert files_left_out(Revision(None).lock) == set()
    *parents, name, _ = key.split(".")
    params = section = YAML().load(Path("params.yaml"))
    for parent in parents:
        section = section[parent]
    del section[name]
    YAML().dump(params, Path("params.yaml"))
    assert made_here() == []
    found = verdict([])
    assert [(c.state, c.support) for c in found.claims] == [
        ("not part of this run", "3 of 3 seeds"),
        ("not part of this run", "0 of 3 seeds"),
    ]
    assert found.skipped == {"not part of this run": ["m"]} and not found.measurements
    assert "2 are not part of this run" in str(found)


def test_without_a_reference_claims_are_judged_all_the_same(repository: Path) -> None:
    run_here()
    found = verdict(made_here())
    assert [c.support for c in found.claims] == ["not in the reference"] * 2
    assert found.skipped == {"no reference": ["m"]}


def test_the_table_has_a_row_for_each_claim_of_its_systems(repository: Path) -> None:
    reference, claims = write_reference(), load_claims()
    rows = table(claims, reference, {}, set(), []).splitlines()[2:]
    assert rows == [
        "| It is accurate | 0.9, 0.91, 0.92 | 3 of 3 seeds |",
        "| It is certain | 0.9, 0.91, 0.92 | 0 of 3 seeds |",
    ]
    text = "# Title\n\n<!-- findings faces -->\nstale\n<!-- /findings -->\nrest\n"
    written = with_findings(text, claims, reference, {}, set())
    assert "It is certain" in written and "It is accurate" not in written and "stale" not in written
    assert written.startswith("# Title") and written.endswith("<!-- /findings -->\nrest\n")
    assert with_findings(written, claims, reference, {}, set()) == written


def test_what_the_reference_lacks_is_a_finding_of_one_run(repository: Path) -> None:
    claims, reference = load_claims(), write_reference({})
    rows = table(claims, reference, {"m": {"accuracy": 0.9, "accuracy.low": 0.8}}, set(), []).splitlines()[2:]
    assert rows == ["| It is accurate | 0.9 | one run |", "| It is certain | 0.9 | no: one run |"]
    assert table(claims, reference, {}, set(), ["faces"]).splitlines()[2:] == ["| It is certain |  | not measured |"]


def test_what_rests_on_given_models_has_one_value(repository: Path) -> None:
    """Given or trained: the same seed of the same section, in the stages `faces` and `controlnet`."""

    def found(**params: object) -> tuple[set[str], list[str]]:
        locked = parse_lock(lock(trained() | params).encode(), b"")
        one_model = files_of_one_model(claims, locked, training_seed_keys(load_params()))
        rows = table(claims, reference, {}, one_model, []).splitlines()[2:]
        return one_model, [row.split(" | ", 1)[1] for row in rows]

    claims, reference = load_claims(), write_reference()
    assert found() == (set(), ["0.9, 0.91, 0.92 | 3 of 3 seeds |", "0.9, 0.91, 0.92 | 0 of 3 seeds |"])
    assert found(**{"faces.checkpoint": None})[0] == set()
    assert found(**{"faces.checkpoint": "f"}) == ({"m"}, ["0.9 | one model |", "0.9 | no: one model |"])
    assert files_of_one_model(claims, {}, []) == set()
