"""`python -m difflab.pipeline.job STAGE …`: a job of Snakemake, `dvc --wait-for-lock repro --quiet --single-item`.

DVC checks the stage, restores it from its run cache or runs it, and enters it into dvc.lock.
"""

# DVC is untyped.
# pyright: reportMissingTypeStubs=false
from __future__ import annotations

import argparse
import logging
import sys

from dvc.logger import set_loggers_level

from difflab.errors import call
from difflab.pipeline.dvc_repo import open_repo


def run() -> None:
    """Reproduce the stages of the command line, one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stages", nargs="*", metavar="STAGE")
    parser.add_argument("--force", action="store_true", help="run a stage also where nothing has changed")
    arguments = parser.parse_args()
    with set_loggers_level(logging.CRITICAL), open_repo(_wait_for_lock=True) as repo:
        for stage in arguments.stages:
            repo.reproduce(stage, single_item=True, force=arguments.force)


if __name__ == "__main__":
    try:
        call(run)
    except KeyboardInterrupt:
        sys.exit(130)
