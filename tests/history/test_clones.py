"""An unfinished clone resumes; a finished one is kept."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from one_stage import git

from difflab.history import clones
from difflab.history.clones import run_in_clone
from difflab.pipeline.files import HOST

FOLDER = Path(".cache/verify/clone")
CLONE = f"git clone --quiet . {FOLDER}"
PARTIAL = f".cache/verify/clone.{HOST}-{2**22 + 1}.partial"  # of no process
DAMAGES = {
    "killed while cloning": f"{CLONE} && rm -r {FOLDER}/.git/objects && mv {FOLDER} {PARTIAL}",
    "emptied": f"mkdir -p {FOLDER}",
    "without git": f"{CLONE} && rm -r {FOLDER}/.git",
    "without a commit": f"{CLONE} && : > {FOLDER}/.git/HEAD",
    "another commit": f"{CLONE} && git -C {FOLDER} checkout --quiet HEAD~1",
    "a file": f"mkdir -p {FOLDER.parent} && touch {FOLDER}",
}


@pytest.fixture
def runs(repository: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], Path, dict[str, str]]]:
    """Commands that would run in a clone, with folder and environment."""
    git("commit", "--quiet", "--allow-empty", "--message", "second")
    found = []

    def run(command: list[str], cwd: Path, env: dict[str, str]) -> SimpleNamespace:
        found.append((command, cwd, env))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(clones, "subprocess", SimpleNamespace(run=run))
    return found


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_partial_clone_is_replaced(runs: list, damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(DAMAGES[damage], shell=True, check=True)
    head = git("rev-parse", "HEAD")
    run_in_clone(FOLDER, head, ["metrics/m.json"], lambda clone: (clone / "prepared").touch())
    assert git("-C", str(FOLDER), "rev-parse", "HEAD") == head
    assert (FOLDER / "prepared").exists() and (FOLDER / "claims.yaml").exists()
    assert [path.name for path in FOLDER.parent.iterdir()] == ["clone"]
    assert ("found no clone" in capsys.readouterr().err) == (damage != "killed while cloning")
    assert [cwd for _, cwd, _ in runs] == [FOLDER]


def test_a_complete_clone_is_kept(runs: list) -> None:
    subprocess.run(CLONE, shell=True, check=True)
    (FOLDER / "made").touch()
    run_in_clone(FOLDER, git("rev-parse", "HEAD"), [], lambda clone: pytest.fail("it is prepared already"))
    assert (FOLDER / "made").exists()


def test_the_environment_need_not_be_activated(runs: list, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for `.venv/bin/difflab verify HEAD`."""
    monkeypatch.setenv("PATH", str(Path(shutil.which("git") or "").parent))
    run_in_clone(FOLDER, git("rev-parse", "HEAD"), [])
    [(command, _, environment)] = runs
    assert command[:3] == [sys.executable, "-m", "snakemake"]
    assert environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
