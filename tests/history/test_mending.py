"""dvc.lock after a kill: which files count as truncated, and how they are restored."""

import subprocess
from pathlib import Path

import pytest

from difflab.history.mending import mend, mended
from difflab.pipeline.lock_text import HEAD, LAST_WHOLE


def entry(name: str, md5: str = "1") -> str:
    return f"  {name}:\n    cmd: python stages/{name}.py\n    outs:\n    - path: {name}.txt\n      md5: '{md5}'\n"


WHOLE = HEAD + entry("a") + entry("b@x-1") + entry("c")
NEW = HEAD + entry("a") + entry("b@x-1", "2") + entry("c")


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    LAST_WHOLE.parent.mkdir()
    LAST_WHOLE.write_text(WHOLE)


@pytest.mark.parametrize("size", range(len(NEW)))
def test_each_beginning_of_a_lock_becomes_whole(size: int) -> None:
    Path("dvc.lock").write_text(NEW[:size])
    found = mended(NEW[:size])
    assert found == (NEW if size > len(HEAD + entry("a") + entry("b@x-1")) + len("  ") else WHOLE)


@pytest.mark.parametrize(
    "text",
    [
        NEW,
        NEW + entry("d"),
        HEAD + entry("b@x-1") + entry("a"),
        f"{HEAD}<<<<<<< HEAD\n{entry('a')}",
        HEAD + entry("a").replace("cmd", "x") + entry("b@x-1"),
        "- 1\n",
    ],
)
def test_what_no_kill_leaves_stays(text: str) -> None:
    Path("dvc.lock").write_text(text)
    assert mended(text) is None


def test_a_shorter_lock_of_a_commit_is_whole() -> None:
    Path("dvc.lock").write_text(HEAD + entry("a"))
    assert mended(HEAD + entry("a")) == WHOLE
    subprocess.run(["git", "add", "dvc.lock"], check=True)
    assert mended(HEAD + entry("a")) is None


def test_without_a_whole_lock_the_entry_that_was_cut_is_removed() -> None:
    LAST_WHOLE.unlink()
    Path("dvc.lock").write_text(NEW[:-20])
    assert mended(NEW[:-20]) == HEAD + entry("a") + entry("b@x-1", "2")


def test_both_files_are_mended_once() -> None:
    Path("dvc.lock").write_text(NEW[: len(HEAD + entry("a"))])
    (rwlock := Path(".dvc/tmp/rwlock")).parent.mkdir(parents=True)
    rwlock.write_text("")
    assert [line.partition(":")[0] for line in mend()] == ["dvc.lock", ".dvc/tmp/rwlock"]
    assert Path("dvc.lock").read_text() == WHOLE and not rwlock.exists()
    rwlock.write_text('{"read": {}}')
    assert mend() == [] and rwlock.exists()


def test_a_whole_lock_is_kept() -> None:
    Path("dvc.lock").write_text(NEW + entry("d"))
    assert mend() == [] and LAST_WHOLE.read_text() == NEW + entry("d")
