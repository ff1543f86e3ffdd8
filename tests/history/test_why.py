"""`difflab why`: stage, commit, inputs and run of a file, and the changes since a revision."""

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
from difflab.tracking.store import TrackingState, run_key, tracked_run


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


def text_of(file: str, since: str | None = None) -> str:
    """Without MLflow."""
    return explain(Path(file), since, lambda record: None)


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
    text = explain(Path("models/m"), None, tracked_run)
    assert "75 s on" in text and "MLflow      run run1 in sqlite:///x.db" in text and "train.rate = 0.1" in text


def test_an_edited_or_missing_file_is_named(pipeline: Pipeline) -> None:
    pipeline.make("made")
    assert "as the stage left it" in text_of("figures/f.png")
    Path("figures/f.png").write_text("mine")
    assert "but the file was changed" in text_of("figures/f.png")
    Path("figures/f.png").unlink()
    assert "`dvc checkout`" in text_of("figures/f.png")


def test_changes_are_named_where_they_were_made(pipeline: Pipeline) -> None:
    pipeline.make("old")
    assert text_of("figures/f.png", "HEAD").endswith("changed since HEAD:\n  nothing")
    pipeline.make("new", rate=0.2, code="v2")
    changes = text_of("figures/f.png", "HEAD~1").partition("changed since HEAD~1:\n")[2].splitlines()
    assert changes == ["  train@m: src/train.py edited", "  train@m: train.rate: 0.1 → 0.2"]
    assert text_of("data/a.txt", "HEAD~1").endswith("  nothing")


def test_other_bytes_of_the_same_inputs_are_a_change_of_their_own(pipeline: Pipeline) -> None:
    pipeline.make("here")
    text = Path("dvc.lock").read_text()
    old = parse_lock(text.encode(), b"")
    new = parse_lock(text.replace(old["train@m"].outs["models/m"], "f" * 32).encode(), b"")
    (change,) = causes("evaluate", old, new)
    assert (change.stage, change.kind) == ("train@m", "bytes")


def test_why_works_without_git(pipeline: Pipeline, tmp_path: Path) -> None:
    """As in the folder of a ZIP download, and in one whose `git init` has no commit yet."""
    pipeline.make("made")
    (tmp_path / ".git").rename(tmp_path / "elsewhere")
    assert "dvc.lock is not committed" in text_of("figures/f.png")
    pipeline.git("init", "--quiet")
    assert "dvc.lock is not committed" in text_of("figures/f.png")


def test_unknown_revision(pipeline: Pipeline) -> None:
    pipeline.make("made")
    with pytest.raises(UserError, match="found 'nosuch', allowed: a commit"):
        Revision("nosuch")


def test_an_experiment_is_a_revision(pipeline: Pipeline) -> None:
    commit = pipeline.make("made")
    pipeline.git("update-ref", f"refs/exps/ab/{'c' * 38}/happy-cat", commit)
    assert Revision("happy-cat").commit == commit
