"""What stage scripts share: how a user's mistake ends them, and the argument of those that work on a recipe."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from difflab.run_records import recorded
from difflab.tracking.live import following


class UserError(ValueError):
    """Something the user can mend; the message is one line: the file or key, what was found, what is allowed."""


# What NumPy's and SciPy's linear algebra rounds depends on its number of threads, and Snakemake sets another than DVC.
BLAS_THREADS = dict.fromkeys(("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")


def run(main: Callable[[], None]) -> None:
    """Call the main function of a stage, which imports NumPy or torch itself, and keep a record of it."""
    os.environ |= BLAS_THREADS
    with following():
        call(lambda: recorded(main))


def call(main: Callable[[], None]) -> None:
    """Call `main`; a UserError becomes one line on stderr and exit status 1."""
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")


def recipe_argument(description: str | None) -> str:
    """The name of a recipe, the only argument of the script that `description` describes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("recipe", help="an entry of params.yaml: recipes")
    return parser.parse_args().recipe
