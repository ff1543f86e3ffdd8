"""Entry point of every stage script.

It is part of every fingerprint, because the number of threads changes results; the rest is in difflab.pipeline.stage.
"""

import os
import sys
from collections.abc import Sequence

from difflab.pipeline.stage import Compute, Concept, Main, Recipe, Scenario, Section, run_stage

__all__ = ["WITHOUT_TEXT", "Compute", "Concept", "Recipe", "Scenario", "Section", "run"]

# Rounding in NumPy's and SciPy's linear algebra depends on the number of threads, which differs between Snakemake and
# DVC.
BLAS_THREADS = dict.fromkeys(("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
# Diffusers imports these if installed, for text encoders, LoRA and schedulers that these stages do not use: a third of
# the time to import a diffusion pipeline.
WITHOUT_TEXT = ("transformers", "torchvision", "scipy")


def run(*mains: Main, without: Sequence[str] = (), shared: bool = False) -> None:
    """Run a stage with `run_stage`, after setting the number of threads that NumPy and torch read when imported.

    So the stage's main function has to import them. The modules `without` become unimportable, for libraries that only
    use them if installed. `shared`: the stage trains with `fit` or samples with `resumable_batches`, and runs in one
    process for each of `runtime.gpus`.
    """
    os.environ |= BLAS_THREADS
    for module in without:
        sys.modules.setdefault(module, None)  # type: ignore[arg-type]
    run_stage(*mains, shared=shared)
