"""The pipeline of a commit, run from nothing in a clone of this repository."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from difflab.errors import UserError, warn
from difflab.history.revisions import git
from difflab.pipeline.files import atomic_write, remove


def run_in_clone(folder: Path, commit: str, targets: list[str], prepare: Callable[[Path], None] | None = None) -> None:
    """Make `targets` (all, if empty) of `commit` in the clone `folder`, with the installed libraries.

    The clone has an empty DVC cache, so nothing is taken from earlier runs of this one; a killed run goes on, and what
    is no clone of `commit` is replaced by one.
    `prepare` may change the clone's files before its first run. Raises UserError when the pipeline fails.
    """
    if not _is_clone(folder, commit):
        if folder.exists():
            warn(f"{folder}: found no clone of {commit[:10]}, which is made again")
            remove(folder)
        with atomic_write(folder) as partial:
            git("clone", "--quiet", "--no-checkout", ".", str(partial))
            git("checkout", "--quiet", commit, cwd=partial)
            if prepare:
                prepare(partial)
    binaries = str(Path(sys.executable).parent)  # of this environment, also where it is not activated
    environment = os.environ | {
        "PYTHONPATH": str(folder.resolve() / "src"),
        "PATH": os.pathsep.join([binaries, os.environ.get("PATH", "")]),
    }
    print(f"running {commit[:10]} in {folder}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "snakemake", "--cores", "all", *targets]
    if subprocess.run(command, cwd=folder, env=environment).returncode:
        raise UserError(f"{folder}: the pipeline of {commit[:10]} did not finish; the same command resumes it")


def _is_clone(folder: Path, commit: str) -> bool:
    """Whether `folder` is a repository of its own, at `commit`, that was cloned to its end."""
    try:  # by the folder of git itself: without one git would take the repository around it
        return git(f"--git-dir={folder / '.git'}", "rev-parse", "HEAD").decode().strip() == commit
    except UserError:
        return False
