"""`difflab why`: stage, commit, inputs and run of a file, and what was changed since a revision."""

import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from hand_written import Pipeline

from difflab.errors import UserError
from difflab.history.changes import causes
from difflab.history.dvc_lock import parse_lock
from difflab.history.revisions import Revision
from difflab.history.why import explain, provenance
from difflab.pipeline.run_records import RunRecord
from difflab.tracking.state import TrackingState, run_key


def record(params: dict, **changed) -> RunRecord:
    values: dict[str, Any] = {
        "command": "python stages/train.py m",
        "started": time.time(),
        "ended": time.time() + 75,
        "status": "finished",
        "commit": "c" * 40,
        "edited": False,
        "experiment": None,
        "params_sha256": "p",
        "params": params,
    }
    return RunRecord(**values | changed)


def test_the_commit_is_the_first_that_holds_the_bytes(pipeline: Pipeline) -> None:
    pipeline.make("old", rate=0.3)
    wanted = pipeline.make("made")
    (pipeline.folder / "README").write_text("later")
    pipeline.make("later, the same results")
    assert provenance(Path("figures/f.png")).commit == wanted
    assert provenance(Path("models/m/weights")).stage.name == "train@m"

    pipeline.make("away", rate=0.5)
    again = pipeline.make("and back")
    assert provenance(Path("figures/f.png")).commit == again


def test_a_copy_is_known_by_its_content(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> None:
    pipeline.make("made")
    copy = tmp_path_factory.mktemp("paper") / "figure1.png"
    shutil.copy("figures/f.png", copy)
    assert provenance(copy).path == "figures/f.png"
    with pytest.raises(UserError, match=r"README: found no stage in dvc\.lock that makes it"):
        provenance(Path("README"))


def test_run_is_that_of_the_same_parameters(pipeline: Pipeline) -> None:
    pipeline.make("made", rate=0.1)
    mine, other = record({"train": {"rate": 0.1}}), record({"train": {"rate": 0.2}}, started=time.time() + 9)
    for one in (mine, other, record({"train": {"rate": 0.1}}, started=time.time() + 9, status="failed")):
        one.write()
    state = TrackingState("sqlite:///x.db", "1-2", runs={run_key(mine): "run1"})
    state.save()
    known = provenance(Path("models/m"))
    assert known.record == mine
    assert known.tracked is not None and known.tracked.run_id == "run1"
    text = explain(Path("models/m"), None)
    assert "75 s on" in text and "MLflow      run run1 in sqlite:///x.db" in text and "train.rate = 0.1" in text


def test_edited_file_is_said_to_be_so(pipeline: Pipeline) -> None:
    pipeline.make("made")
    assert "as the stage left it" in explain(Path("figures/f.png"), None)
    Path("figures/f.png").write_text("mine")
    assert "but the file was changed" in explain(Path("figures/f.png"), None)
    Path("figures/f.png").unlink()
    assert "`dvc checkout` brings it" in explain(Path("figures/f.png"), None)


def test_changes_are_named_where_they_were_made(pipeline: Pipeline) -> None:
    pipeline.make("old")
    assert explain(Path("figures/f.png"), "HEAD").endswith("changed since HEAD:\n  nothing")
    pipeline.make("new", rate=0.2, code="v2")
    told = explain(Path("figures/f.png"), "HEAD~1").partition("changed since HEAD~1:\n")[2].splitlines()
    assert told == ["  train@m: src/train.py edited", "  train@m: train.rate: 0.1 → 0.2"]
    assert explain(Path("data/a.txt"), "HEAD~1").endswith("  nothing")


def test_other_bytes_of_the_same_are_called_so(pipeline: Pipeline) -> None:
    pipeline.make("here")
    text = Path("dvc.lock").read_text()
    old = parse_lock(text.encode(), b"")
    new = parse_lock(text.replace(old["train@m"].outs["models/m"], "f" * 32).encode(), b"")
    (change,) = causes("evaluate", old, new)
    assert (change.stage, change.kind) == ("train@m", "bytes")


def test_numbers_are_read_as_dvc_writes_them() -> None:
    """In YAML 1.1, which PyYAML reads, 1e-05 is a string."""
    lock = "stages: {a: {cmd: python stages/a.py, params: {params.yaml: {rate: 1e-05, name: 1e, n: 3}}}}"
    assert parse_lock(lock.encode(), b"")["a"].params == {"rate": 1e-05, "name": "1e", "n": 3}


def test_unknown_revision(pipeline: Pipeline) -> None:
    pipeline.make("made")
    with pytest.raises(UserError, match="revision: found 'nosuch', allowed: a commit, branch, tag or DVC experiment"):
        Revision("nosuch")


def test_an_experiment_is_a_revision(pipeline: Pipeline) -> None:
    commit = pipeline.make("made")
    pipeline.git("update-ref", f"refs/exps/ab/{'c' * 38}/happy-cat", commit)
    assert Revision("happy-cat").commit == commit
