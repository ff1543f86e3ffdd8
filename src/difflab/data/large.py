"""Images that can be larger than memory: above `runtime.in_memory_limit`, they are in a memory-mapped file."""

import math
import os
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

from difflab.config.load import load_runtime
from difflab.pipeline.files import failing_at

GIB = 2**30


def fits_memory(num_bytes: int) -> bool:
    """Whether `num_bytes` are within `runtime.in_memory_limit`, which is in GiB."""
    return num_bytes <= load_runtime().in_memory_limit * GIB


def empty_images(*shape: int) -> NDArray[np.uint8]:
    """Uninitialized uint8 array of the given shape.

    Above the limit it is mapped to an unnamed temporary file in .cache/, which is deleted with the array. Raises
    OSError when the disk is full.
    """
    if fits_memory(math.prod(shape)) or 0 in shape:
        return np.empty(shape, dtype=np.uint8)
    scratch = Path("params.yaml").resolve().parent / ".cache"  # other processes of a stage link to this file
    scratch.mkdir(exist_ok=True)
    with failing_at(scratch), TemporaryFile(dir=scratch) as file:
        if hasattr(os, "posix_fallocate"):  # otherwise a full disk kills the process later, with SIGBUS
            os.posix_fallocate(file.fileno(), 0, math.prod(shape))
        return np.memmap(file, np.uint8, "w+", shape=shape)
