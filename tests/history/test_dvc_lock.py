"""A dvc.lock that has a merge conflict or is truncated gives a one-line error in every reader."""

import subprocess
import sys
from pathlib import Path

import pytest
from hand_written import Pipeline

from difflab.errors import UserError
from difflab.history.compare import compare_revisions
from difflab.history.dvc_lock import DamagedLock, parse_lock
from difflab.history.plan import plan
from difflab.history.revisions import Revision
from difflab.tracking.sending import _revision

LOCK = b"schema: '2.0'\nstages:\n  a:\n    cmd: python stages/a.py\n    outs:\n    - path: b\n      md5: '1'\n"
CONFLICT = b"<<<<<<< HEAD\n      md5: '1'\n=======\n      md5: '2'\n>>>>>>> theirs\n"
DAMAGES = {
    "conflict": (LOCK.replace(b"      md5: '1'\n", CONFLICT), "found a merge conflict in line 7"),
    "empty": (b"", "found null"),
    "list": (b"- 1\n", "found [1]"),
    "within a line": (LOCK[:60], "not YAML, line "),
    "within a stage": (LOCK.rpartition(b"      md5")[0], "stages.a.outs.0.md5: "),
    "without command": (LOCK.replace(b"    cmd: python stages/a.py\n", b""), "stages.a.cmd: "),
    "binary": (b"\xff\xfe" + LOCK, "not UTF-8: byte 0xff at position 0"),
}


@pytest.mark.parametrize(("content", "found"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_one_line(content: bytes, found: str) -> None:
    with pytest.raises(DamagedLock) as error:
        parse_lock(content, b"")
    assert str(error.value).startswith(f"dvc.lock: {found}") and len(str(error.value).splitlines()) == 1
    assert "`git checkout HEAD dvc.lock`" in str(error.value)
    with pytest.raises(DamagedLock) as error:
        parse_lock(content, b"", "HEAD~1")
    assert str(error.value).startswith(f"dvc.lock of HEAD~1: {found}") and "git checkout" not in str(error.value)


@pytest.mark.parametrize("content", [b"- 1", b"outs: 1", b"outs:\n- path: b\n", b"<<<<<<< HEAD\nouts: []\n", b"\xff"])
def test_damage_of_the_import_is_one_line(content: bytes) -> None:
    with pytest.raises(DamagedLock, match=r"^data\.dvc: .*`git checkout HEAD data\.dvc`") as error:
        parse_lock(LOCK, content)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("reader", [plan, lambda: compare_revisions("HEAD", None), lambda: _revision(None)])
def test_every_reader_names_it(pipeline: Pipeline, reader) -> None:
    pipeline.make("made")
    lock = Path("dvc.lock").read_text()
    Path("dvc.lock").write_text(lock.replace("stages:\n", "<<<<<<< HEAD\nstages:\n", 1))
    with pytest.raises(UserError, match=r"^dvc\.lock: found a merge conflict in line 2, allowed: ") as error:
        reader()
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("command", [["verify"], ["why", "figures/f.png"], ["why", "figures/f.png", "--since", "HEAD"]])
def test_commands_end_in_one_line(pipeline: Pipeline, command: list[str]) -> None:
    pipeline.make("made")
    Path("dvc.lock").write_text("stages:\n  a:\n    cmd")
    done = subprocess.run([sys.executable, "-m", "difflab", *command], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("error: dvc.lock: ") and done.stderr.count("\n") == 1


def test_damaged_lock_of_an_experiment_costs_only_its_results(pipeline: Pipeline, capsys) -> None:
    pipeline.make("made")
    Path("dvc.lock").write_text("- 1\n")
    subprocess.run("git commit --quiet --all --message bad && git tag bad", shell=True, check=True)
    subprocess.run(["git", "checkout", "--quiet", "HEAD~1", "dvc.lock"], check=True)
    assert _revision("bad") is None and "dvc.lock of bad: " in capsys.readouterr().err
    assert isinstance(_revision(None), Revision)


def test_numbers_are_read_as_dvc_writes_them() -> None:
    """In YAML 1.1, which PyYAML reads, 1e-05 is a string."""
    lock = "stages: {a: {cmd: python stages/a.py, params: {params.yaml: {rate: 1e-05, name: 1e, n: 3}}}}"
    assert parse_lock(lock.encode(), b"")["a"].params == {"rate": 1e-05, "name": "1e", "n": 3}
