"""Data sets in NumPy's files: an .npz, or a folder of .npy files. Nothing in them is unpickled.

The arrays are images and labels, and perhaps splits (0 train, 1 validation, 2 test); or x_train, y_train, x_test and
y_test. An array `classes` names the labels.
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from difflab.config.data import SetParams
from difflab.data.classes import MAX_CLASSES, as_names
from difflab.data.dataset import SPLITS, ImageDataset
from difflab.data.splits import official_splits, stratified_splits
from difflab.errors import DataError

OFFICIAL = ("x_train", "y_train", "x_test", "y_test")


def array_classes(path: Path, params: SetParams) -> tuple[str, ...]:
    """The names of the labels; of the arrays only labels and classes are read. Raises DataError."""
    with Arrays(path) as arrays:
        return _classes(path, arrays, _labels(path, arrays), params.classes)


def read_arrays(path: str | Path, params: SetParams, generator: Generator) -> ImageDataset:
    """(N, 1 or 3, S, S) images. Raises DataError naming the array."""
    path = Path(path)
    with Arrays(path) as arrays:
        labels = _labels(path, arrays)
        classes = _classes(path, arrays, labels, params.classes)
        if "images" in arrays:
            images = _images(path, "images", arrays["images"])
            if "splits" in arrays:
                splits = arrays["splits"].astype(np.uint8)
            else:
                splits = stratified_splits(labels, params.validation, params.test, generator)
        else:
            parts = [_images(path, name, arrays[name]) for name in ("x_train", "x_test")]
            images = _joined(path, parts)
            splits = official_splits(labels[: len(parts[0])], len(parts[1]), generator, params.validation)
    tensors = (torch.from_numpy(np.ascontiguousarray(array)) for array in (images, labels, splits))
    return ImageDataset(*tensors, description=f"arrays of {path.name}", classes=classes)


class Arrays:
    """The arrays of a file or folder by name, each read when it is asked for."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> "Arrays":
        self.file: Any = None
        if self.path.is_dir():
            self.names = {file.stem for file in self.path.glob("*.npy")}
        else:
            try:
                self.file = np.load(self.path, allow_pickle=False)
                self.names = set(self.file.files)
            except FileNotFoundError:
                raise DataError(f"{self.path}: not found") from None
            except (OSError, ValueError, AttributeError, zipfile.BadZipFile) as error:
                raise DataError(f"{self.path}: cannot be read as .npz: {' '.join(str(error).split())}") from None
        for name in ("images", "labels") if "images" in self or "labels" in self else OFFICIAL:
            if name not in self:
                found = ", ".join(sorted(self.names)) or "no array"
                allowed = f"images and labels, or {', '.join(OFFICIAL)}"
                raise DataError(f"{self.path}: found {found}, allowed: {allowed}")
        return self

    def __exit__(self, *_: object) -> None:
        if self.file is not None:
            self.file.close()

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> NDArray[Any]:
        try:
            return np.load(self.path / f"{name}.npy", allow_pickle=False) if self.file is None else self.file[name]
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:  # among them: pickled objects
            raise DataError(f"{self.path}: {name}: cannot be read: {' '.join(str(error).split())}") from None


def _labels(path: Path, arrays: Arrays) -> NDArray[np.int64]:
    names = ["labels"] if "images" in arrays else ["y_train", "y_test"]
    found = []
    for name in names:
        labels = arrays[name]
        labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels  # as Keras has those of CIFAR
        if labels.ndim != 1 or labels.dtype.kind not in "iu" or not len(labels):
            raise DataError(f"{path}: {name}: found {_kind(labels)}, allowed: integers (N,)")
        found.append(labels.astype(np.int64))
    return np.concatenate(found)


def _classes(
    path: Path, arrays: Arrays, labels: NDArray[np.int64], names: Sequence[str | int] | None
) -> tuple[str, ...]:
    if names is None and "classes" in arrays:
        names = [str(name) for name in arrays["classes"].tolist()]
        if len(set(names)) < len(names):
            raise DataError(f"{path}: classes: found two of one name, allowed: different names")
    classes = tuple(as_names(names or range(int(labels.max()) + 1)))
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise DataError(f"{path}: found {len(classes)} classes, allowed: 2 to {MAX_CLASSES}")
    if len(outside := labels[(labels < 0) | (labels >= len(classes))]):
        raise DataError(f"{path}: labels: found {outside[0]}, allowed: 0 to {len(classes) - 1}")
    counts = np.bincount(labels, minlength=len(classes))
    if counts.min() < len(SPLITS):
        found = f"{counts.min()} images of the class {classes[int(counts.argmin())]!r}"
        raise DataError(f"{path}: found {found}, allowed: {len(SPLITS)} or more, one for each split")
    return classes


def _images(path: Path, name: str, images: NDArray[Any]) -> NDArray[np.uint8]:
    """(N, C, S, S) of (N, S, S), (N, S, S, C) or (N, C, S, S)."""
    images = images[:, None] if images.ndim == 3 else images
    if images.ndim == 4 and images.shape[1] not in (1, 3) and images.shape[3] in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
        allowed = "uint8 (N, S, S), (N, S, S, 1 or 3) or (N, 1 or 3, S, S)"
        raise DataError(f"{path}: {name}: found {_kind(images)}, allowed: {allowed}")
    return images


def _joined(path: Path, parts: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    if parts[0].shape[1:] != parts[1].shape[1:]:
        raise DataError(f"{path}: x_test: found {_kind(parts[1])}, allowed: images as x_train, {_kind(parts[0])}")
    return np.concatenate(parts)


def _kind(array: NDArray[Any]) -> str:
    return f"{array.dtype} {array.shape}"
