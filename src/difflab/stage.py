"""The start of every stage script.

Part of every fingerprint, because the number of threads changes results; difflab.pipeline.stage does the rest.
"""

import os
import sys
from collections.abc import Sequence

from difflab.pipeline.stage import Compute, Concept, Main, Recipe, Scenario, Section, run_stage

__all__ = ["WITHOUT_TEXT", "Compute", "Concept", "Recipe", "Scenario", "Section", "run"]

# Rounding in the linear algebra of NumPy and SciPy depends on the number of threads, and Snakemake sets another one
# than DVC.
BLAS_THREADS = dict.fromkeys(("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
# Diffusers imports these where they are installed, for its text encoders, LoRA and schedulers that no stage uses: a
# third of what importing a diffusion pipeline costs.
WITHOUT_TEXT = ("transformers", "torchvision", "scipy")


def run(*mains: Main, without: Sequence[str] = (), shared: bool = False) -> None:
    """Run a stage, as `run_stage` does. Its main function imports NumPy and torch, which read the number of threads.

    Modules of `without` cannot be imported, and libraries that can do without them do. `shared`: the stage trains with
    `fit`, or samples with `resumable_batches`, in a process for each of `runtime.gpus`.
    """
    os.environ |= BLAS_THREADS
    for module in without:
        sys.modules.setdefault(module, None)  # type: ignore[arg-type]
    run_stage(*mains, shared=shared)
