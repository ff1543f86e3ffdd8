"""The start of every stage script.

Part of every fingerprint, because the number of threads changes results; difflab.pipeline.stage does the rest.
"""

import os

from difflab.pipeline.stage import Compute, Concept, Main, Recipe, Scenario, Section, run_stage

__all__ = ["Compute", "Concept", "Recipe", "Scenario", "Section", "run"]

# Rounding in the linear algebra of NumPy and SciPy depends on the number of threads, and Snakemake sets another one
# than DVC.
BLAS_THREADS = dict.fromkeys(("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")


def run(*mains: Main) -> None:
    """Run a stage, as `run_stage` does. Its main function imports NumPy and torch, which read the number of threads."""
    os.environ |= BLAS_THREADS
    run_stage(*mains)
