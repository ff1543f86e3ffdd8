"""Images that need not fit into memory: above `runtime.in_memory_limit` they are pages of a file."""

import math
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

from difflab.config.load import load_runtime

GIB = 2**30
SCRATCH = Path(".cache")


def fits_memory(num_bytes: int) -> bool:
    return num_bytes <= load_runtime().in_memory_limit * GIB


def empty_images(*shape: int) -> NDArray[np.uint8]:
    """Uninitialized uint8.

    Above the limit these are pages of a file in .cache/ that has no name and is gone with them; the system writes and
    reads them as memory allows.
    """
    if fits_memory(math.prod(shape)) or 0 in shape:
        return np.empty(shape, dtype=np.uint8)
    SCRATCH.mkdir(exist_ok=True)
    with TemporaryFile(dir=SCRATCH) as file:
        return np.memmap(file, np.uint8, "w+", shape=shape)
