"""A clone that was begun and not ended goes on; one that has ended is kept."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from one_stage import git

from difflab.errors import warn
from difflab.history import clones
from difflab.history.clones import run_in_clone
from difflab.pipeline.files import HOST

FOLDER = Path(".cache/verify/clone")


def clone_of(commit: str) -> None:
    subprocess.run(["git", "clone", "--quiet", ".", FOLDER], check=True)
    subprocess.run(["git", "checkout", "--quiet", commit], cwd=FOLDER, check=True)


def killed_while_cloning() -> None:
    partial = FOLDER.with_name(f"clone.{HOST}-{2**22 + 1}.partial")  # of no process
    clone_of("HEAD")
    FOLDER.rename(partial)
    shutil.rmtree(partial / ".git/objects")


def emptied() -> None:
    FOLDER.mkdir(parents=True)


def without_git() -> None:
    clone_of("HEAD")
    shutil.rmtree(FOLDER / ".git")


def stump_of_git() -> None:
    clone_of("HEAD")
    (FOLDER / ".git/HEAD").write_text("")


def of_another_commit() -> None:
    clone_of("HEAD~1")


def a_file() -> None:
    FOLDER.parent.mkdir(parents=True)
    FOLDER.write_text("")


@pytest.fixture
def runs(repository: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], Path, dict[str, str]]]:
    """The commands that were run in a clone, where, and with which environment; none is."""
    git("commit", "--quiet", "--allow-empty", "--message", "second")
    found = []

    def run(command: list[str], cwd: Path, env: dict[str, str]) -> SimpleNamespace:
        found.append((command, cwd, env))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(clones, "subprocess", SimpleNamespace(run=run))
    return found


@pytest.mark.parametrize(
    "damage", [killed_while_cloning, emptied, without_git, stump_of_git, of_another_commit, a_file]
)
def test_half_a_clone_is_made_whole(runs: list, damage, capsys: pytest.CaptureFixture[str]) -> None:
    warn.cache_clear()
    damage()
    head = git("rev-parse", "HEAD")
    run_in_clone(FOLDER, head, ["metrics/m.json"], lambda clone: (clone / "prepared").touch())
    assert git("-C", str(FOLDER), "rev-parse", "HEAD") == head
    assert (FOLDER / "prepared").exists() and (FOLDER / "claims.yaml").exists()
    assert [path.name for path in FOLDER.parent.iterdir()] == ["clone"]
    assert ("found no clone" in capsys.readouterr().err) == (damage is not killed_while_cloning)
    assert [cwd for _, cwd, _ in runs] == [FOLDER]


def test_a_whole_clone_is_kept(runs: list, capsys: pytest.CaptureFixture[str]) -> None:
    clone_of("HEAD")
    (FOLDER / "made").touch()
    run_in_clone(FOLDER, git("rev-parse", "HEAD"), [], lambda clone: pytest.fail("it is prepared already"))
    assert (FOLDER / "made").exists() and "found no clone" not in capsys.readouterr().err


def test_the_environment_need_not_be_activated(runs: list, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for `.venv/bin/difflab verify HEAD`."""
    monkeypatch.setenv("PATH", str(Path(shutil.which("git") or "").parent))
    run_in_clone(FOLDER, git("rev-parse", "HEAD"), [])
    [(command, _, environment)] = runs
    assert command[:3] == [sys.executable, "-m", "snakemake"]
    assert environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
