"""Images that need not fit into memory: above `runtime.in_memory_limit` they are pages of a file."""

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
    return num_bytes <= load_runtime().in_memory_limit * GIB


def empty_images(*shape: int) -> NDArray[np.uint8]:
    """Uninitialized uint8.

    Above the limit these are pages of a file in .cache/ that has no name and is gone with them; the system writes and
    reads them as memory allows.
    """
    if fits_memory(math.prod(shape)) or 0 in shape:
        return np.empty(shape, dtype=np.uint8)
    scratch = Path("params.yaml").resolve().parent / ".cache"  # further processes of a stage have a link to this file
    scratch.mkdir(exist_ok=True)
    with failing_at(scratch), TemporaryFile(dir=scratch) as file:
        if hasattr(os, "posix_fallocate"):  # a full disk would end the process with SIGBUS at the first page it lacks
            os.posix_fallocate(file.fileno(), 0, math.prod(shape))
        return np.memmap(file, np.uint8, "w+", shape=shape)
