"""CIFAR-10's files, which are pickles, read with an unpickler that only allows arrays and plain containers."""

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from difflab.errors import DataError

FOLDER = "cifar-10-batches-py"
TRAIN, TEST = tuple(f"data_batch_{k}" for k in range(1, 6)), ("test_batch",)
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIDE = 32
# All that is needed to unpickle an array of bytes, in NumPy 1 and 2.
ALLOWED = {(f"numpy.{core}.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0] for core in ("core", "_core")} | {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): None,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"found {module}.{name}, allowed: arrays and plain containers")
        return ALLOWED[module, name] or super().find_class(module, name)


def read_cifar(paths: Sequence[str | Path]) -> tuple[Tensor, Tensor]:
    """(N, 3, 32, 32) uint8 images and (N,) int64 labels of all files, concatenated.

    Raises DataError for arrays of another type or shape; errors of NumPy and pickle for a damaged file pass through.
    """
    images, labels = [], []
    for path in paths:
        with Path(path).open("rb") as file:
            entry = _Unpickler(file, encoding="latin1").load()
        pixels, found = np.asarray(entry["data"]), entry["labels"]
        if pixels.dtype != np.uint8 or pixels.shape != (len(found), 3 * SIDE**2):
            allowed = f"uint8 ({len(found)}, {3 * SIDE**2})"
            raise DataError(f"{path}: data: found {pixels.dtype} {pixels.shape}, allowed: {allowed}")
        images.append(torch.from_numpy(pixels.reshape(-1, 3, SIDE, SIDE)))
        labels += found
    return torch.cat(images), torch.tensor(labels, dtype=torch.int64)
