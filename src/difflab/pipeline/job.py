"""`python -m difflab.pipeline.job STAGE …`: a job of Snakemake, `dvc --wait-for-lock repro --quiet --single-item`.

DVC checks the stage, restores it from its run cache or runs it, and records it in dvc.lock. If another DVC process is
running the stage or writing its inputs, the job waits, and then continues from its results (see rwlock.py).
"""

# DVC is untyped.
# pyright: reportMissingTypeStubs=false
from __future__ import annotations

import argparse
import logging
import sys
import time
from typing import Any

from dvc.exceptions import ReproductionError
from dvc.lock import LockError
from dvc.logger import set_loggers_level

from difflab.errors import call
from difflab.pipeline.dvc_repo import forget_params, open_repo
from difflab.pipeline.locks import POLL
from difflab.pipeline.rwlock import named_job


def run() -> None:
    """Reproduce the stages of the command line, one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stages", nargs="*", metavar="STAGE")
    parser.add_argument("--force", action="store_true", help="run a stage even if nothing has changed")
    arguments = parser.parse_args()
    with set_loggers_level(logging.CRITICAL), named_job(), open_repo(_wait_for_lock=True) as repo:
        for stage in arguments.stages:
            _reproduce(repo, stage, arguments.force)


def _reproduce(repo: Any, stage: str, force: bool) -> None:
    busy = ""
    while True:
        try:
            repo.reproduce(stage, single_item=True, force=force)
            return
        except ReproductionError as error:
            if not isinstance(error.__cause__, LockError):
                raise
            if busy != (busy := str(error.__cause__)):
                print(f"waiting: {busy}", file=sys.stderr, flush=True)
        time.sleep(POLL)
        forget_params()  # the stage reads params.yaml after the wait, and dvc.lock must record the same values


if __name__ == "__main__":
    try:
        call(run)
    except KeyboardInterrupt:
        sys.exit(130)
