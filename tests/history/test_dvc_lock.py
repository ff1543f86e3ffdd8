"""A dvc.lock with a merge conflict, or a part of one, is one line wherever it is read."""

import subprocess
import sys
from pathlib import Path

import pytest
from hand_written import Pipeline

from difflab.errors import UserError
from difflab.history.dvc_lock import DamagedLock, parse_lock
from difflab.history.plan import plan
from difflab.history.revisions import Revision
from difflab.history.why import explain
from difflab.report.comparison import compare_revisions
from difflab.tracking.sending import _revision

LOCK = b"schema: '2.0'\nstages:\n  a:\n    cmd: python stages/a.py\n    outs:\n    - path: b\n      md5: '1'\n"
CONFLICT = b"<<<<<<< HEAD\n      md5: '1'\n=======\n      md5: '2'\n>>>>>>> theirs\n"
DAMAGES = {
    "conflict": (LOCK.replace(b"      md5: '1'\n", CONFLICT), "found a merge conflict in line 7"),
    "empty": (b"", "found null, allowed: a section with stages"),
    "list": (b"- 1\n", "found [1], allowed: a section with stages"),
    "within a line": (LOCK[:60], "not YAML, line "),
    "within a stage": (LOCK.rpartition(b"      md5")[0], "stages.a.outs.0.md5: found nothing, allowed: string"),
    "without command": (
        LOCK.replace(b"    cmd: python stages/a.py\n", b""),
        "stages.a.cmd: found nothing, allowed: string",
    ),
    "binary": (b"\xff\xfe" + LOCK, "not UTF-8: byte 0xff at position 0"),
}


@pytest.mark.parametrize(("content", "found"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_one_line(content: bytes, found: str) -> None:
    with pytest.raises(DamagedLock) as error:
        parse_lock(content, b"")
    assert str(error.value).startswith(f"dvc.lock: {found}") and len(str(error.value).splitlines()) == 1
    assert str(error.value).endswith("; `git checkout HEAD dvc.lock` brings the committed one")
    with pytest.raises(DamagedLock) as error:
        parse_lock(content, b"", "HEAD~1")
    assert str(error.value).startswith(f"dvc.lock of HEAD~1: {found}") and "git checkout" not in str(error.value)


@pytest.mark.parametrize("content", [b"- 1", b"outs: 1", b"outs:\n- path: b\n", b"<<<<<<< HEAD\nouts: []\n", b"\xff"])
def test_damage_of_the_import_is_one_line(content: bytes) -> None:
    with pytest.raises(DamagedLock, match=r"^data\.dvc: .* `git checkout HEAD data\.dvc` brings") as error:
        parse_lock(LOCK, content)
    assert len(str(error.value).splitlines()) == 1


READERS = {
    "why": lambda: explain(Path("figures/f.png"), None),
    "why --since": lambda: explain(Path("figures/f.png"), "HEAD"),
    "plan": plan,
    "compare": lambda: compare_revisions("HEAD", None),
    "track": lambda: _revision(None),
}


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_says_so(pipeline: Pipeline, reader: str) -> None:
    pipeline.make("made")
    lock = Path("dvc.lock").read_text()
    Path("dvc.lock").write_text(lock.replace("stages:\n", "<<<<<<< HEAD\nstages:\n", 1))
    with pytest.raises(UserError, match=r"^dvc\.lock: found a merge conflict in line 2, allowed: ") as error:
        READERS[reader]()
    assert len(str(error.value).splitlines()) == 1


def test_verify_and_why_end_in_one_line(pipeline: Pipeline) -> None:
    pipeline.make("made")
    Path("dvc.lock").write_text("stages:\n  a:\n    cmd")
    for command in (["verify"], ["why", "figures/f.png"]):
        done = subprocess.run([sys.executable, "-m", "difflab", *command], capture_output=True, text=True)
        assert done.returncode == 1 and done.stderr.startswith("error: dvc.lock: ") and done.stderr.count("\n") == 1


def test_damaged_lock_of_an_experiment_costs_its_results_only(pipeline: Pipeline, capsys) -> None:
    pipeline.make("made")
    Path("dvc.lock").write_text("- 1\n")
    subprocess.run("git commit --quiet --all --message bad && git tag bad", shell=True, check=True)
    subprocess.run(["git", "checkout", "--quiet", "HEAD~1", "dvc.lock"], check=True)
    assert _revision("bad") is None and "dvc.lock of bad: " in capsys.readouterr().err
    assert isinstance(_revision(None), Revision)


def test_why_works_without_git(pipeline: Pipeline, tmp_path: Path) -> None:
    """As in the folder of a ZIP download, and in one whose `git init` has no commit yet."""
    pipeline.make("made")
    (tmp_path / ".git").rename(tmp_path / "elsewhere")
    assert "none yet: dvc.lock is not committed" in explain(Path("figures/f.png"), None)
    subprocess.run(["git", "init", "--quiet"], check=True)
    assert "none yet: dvc.lock is not committed" in explain(Path("figures/f.png"), None)
