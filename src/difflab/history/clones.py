"""The pipeline of a commit, run from nothing in a clone of this repository."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from difflab.errors import UserError
from difflab.revisions import git


def run_in_clone(folder: Path, commit: str, targets: list[str], prepare: Callable[[Path], None] | None = None) -> None:
    """Make `targets` (all, if empty) of `commit` in the clone `folder`, with the installed libraries.

    The clone has an empty DVC cache, so nothing is taken from earlier runs of this one; a killed run goes on.
    `prepare` may change the clone's files before its first run. Raises UserError when the pipeline fails.
    """
    if not folder.exists():
        partial = folder.with_name(folder.name + ".partial")
        git("clone", "--quiet", "--no-checkout", ".", str(partial))
        subprocess.run(["git", "checkout", "--quiet", commit], cwd=partial, check=True)
        if prepare:
            prepare(partial)
        partial.rename(folder)
    environment = os.environ | {"PYTHONPATH": str(folder.resolve() / "src")}
    print(f"running {commit[:10]} in {folder}", file=sys.stderr, flush=True)
    if subprocess.run(["snakemake", "--cores", "all", *targets], cwd=folder, env=environment).returncode:
        raise UserError(f"{folder}: the pipeline of {commit[:10]} did not finish; the same command resumes it")
