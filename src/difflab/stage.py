"""How stage scripts start. Every stage declares this module, because the threads it sets change results."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

from difflab.errors import call
from difflab.pipeline.run_records import recorded
from difflab.tracking.live import following

# Rounding in the linear algebra of NumPy and SciPy depends on the number of threads, and Snakemake sets another one
# than DVC.
BLAS_THREADS = dict.fromkeys(("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")


def run(main: Callable[[], None]) -> None:
    """Call the main function of a stage and keep a record of the run.

    `main` itself imports NumPy and torch: they read the number of threads when they are imported.
    """
    os.environ |= BLAS_THREADS
    with following():
        call(lambda: recorded(main))


def recipe_argument(description: str | None) -> str:
    """The name of a recipe, the only argument of the script that `description` describes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("recipe", help="an entry of params.yaml: recipes")
    return parser.parse_args().recipe
