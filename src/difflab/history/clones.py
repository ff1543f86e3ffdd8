"""Runs the pipeline of a commit from scratch in a clone of this repository."""

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
    """Run `targets` (if empty, all) of `commit` in the clone `folder`, with the installed libraries.

    The clone starts with an empty DVC cache. A killed run resumes; a folder that is not a clone of `commit` is
    replaced. `prepare` may change the clone's files before its first run. Raises UserError if the pipeline fails.
    """
    if not _is_clone(folder, commit):
        if folder.exists():
            warn(f"{folder}: found no clone of {commit[:10]}; it is cloned again")
            remove(folder)
        with atomic_write(folder) as partial:
            git("clone", "--quiet", "--no-checkout", ".", str(partial))
            git("checkout", "--quiet", commit, cwd=partial)
            if prepare:
                prepare(partial)
    binaries = str(Path(sys.executable).parent)  # this environment may not be activated
    environment = os.environ | {
        "PYTHONPATH": str(folder.resolve() / "src"),
        "PATH": os.pathsep.join([binaries, os.environ.get("PATH", "")]),
    }
    print(f"running {commit[:10]} in {folder}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "snakemake", "--cores", "all", *targets]
    if subprocess.run(command, cwd=folder, env=environment).returncode:
        raise UserError(f"{folder}: the pipeline of {commit[:10]} did not finish; the same command resumes it")


def _is_clone(folder: Path, commit: str) -> bool:
    """Whether `folder` is a complete repository of its own at `commit`."""
    try:  # with --git-dir, or git would fall back to the surrounding repository
        return git(f"--git-dir={folder / '.git'}", "rev-parse", "HEAD").decode().strip() == commit
    except UserError:
        return False
