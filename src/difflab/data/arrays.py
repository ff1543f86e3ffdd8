"""Data sets in NumPy files: an .npz file or a folder of .npy files, read without unpickling.

The arrays are `images`, `labels` and optionally `splits` (0 train, 1 validation, 2 test); or `x_train`, `y_train`,
`x_test` and `y_test`. An optional array `classes` has the names of the labels.
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from difflab.config.data import SetParams
from difflab.data.class_checks import require_classes, require_each_class
from difflab.data.classes import as_names
from difflab.data.dataset import SPLITS, ImageDataset
from difflab.data.splits import official_splits, stratified_splits
from difflab.errors import DataError

OFFICIAL = ("x_train", "y_train", "x_test", "y_test")


def array_classes(path: Path, params: SetParams) -> tuple[str, ...]:
    """The class names. Makes the checks of `read_arrays`, without reading images. Raises DataError naming the array."""
    with Arrays(path) as arrays:
        labels = _labels(path, arrays)
        classes = _classes(path, arrays, labels, params.classes)
        splits = _splits(path, arrays, labels, params, np.random.default_rng(0))
        require_each_class(path, labels, splits, classes)
        return classes


def read_arrays(path: str | Path, params: SetParams, generator: Generator) -> ImageDataset:
    """Read a data set of (N, 1 or 3, S, S) uint8 images. Raises DataError naming the array."""
    path = Path(path)
    with Arrays(path) as arrays:
        labels = _labels(path, arrays)
        classes = _classes(path, arrays, labels, params.classes)
        splits = _splits(path, arrays, labels, params, generator)
        images = np.concatenate([_channels_first(arrays[name]) for name in _pairs(arrays)])
    tensors = (torch.from_numpy(np.ascontiguousarray(array)) for array in (images, labels, splits))
    return ImageDataset(*tensors, description=f"arrays of {path.name}", classes=classes)


class Header(NamedTuple):
    """Data type and shape of an array."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"


class Arrays:
    """The arrays of a file or folder by name, read on access.

    Raises DataError when the file or a required array is missing or cannot be read.
    """

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

    def header(self, name: str) -> "Header":
        """Data type and shape of an array, without reading it. Raises DataError."""
        try:
            if self.file is None:
                array = np.load(self.path / f"{name}.npy", mmap_mode="r", allow_pickle=False)
                return Header(array.dtype, array.shape)
            with self.file.zip.open(f"{name}.npy") as member:
                version = np.lib.format.read_magic(member)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(member)
                return Header(dtype, shape)
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(f"{self.path}: {name}: cannot be read: {' '.join(str(error).split())}") from None

    def __getitem__(self, name: str) -> NDArray[Any]:
        try:
            return np.load(self.path / f"{name}.npy", allow_pickle=False) if self.file is None else self.file[name]
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:  # among them: pickled objects
            raise DataError(f"{self.path}: {name}: cannot be read: {' '.join(str(error).split())}") from None


def _pairs(arrays: Arrays) -> dict[str, str]:
    """The name of the array of labels for each array of images."""
    return {"images": "labels"} if "images" in arrays else {"x_train": "y_train", "x_test": "y_test"}


def _labels(path: Path, arrays: Arrays) -> NDArray[np.int64]:
    """(N,), one for each image. Raises DataError, also if the images have the wrong type or shape."""
    found: list[NDArray[np.int64]] = []
    first: tuple[int, ...] | None = None
    for images, name in _pairs(arrays).items():
        header = arrays.header(images)
        count, *shape = _checked_shape(path, images, header)
        first = first or tuple(shape)
        if tuple(shape) != first:
            allowed = f"uint8 (N, {', '.join(map(str, first))}), as x_train"
            raise DataError(f"{path}: {images}: found {header}, allowed: {allowed}")
        labels = arrays[name]
        labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels  # (N, 1), as Keras has CIFAR's
        if labels.ndim != 1 or labels.dtype.kind not in "iu" or not len(labels):
            raise DataError(f"{path}: {name}: found {_kind(labels)}, allowed: integers (N,)")
        if len(labels) != count:
            raise DataError(f"{path}: {name}: found {_kind(labels)}, allowed: integers ({count},), one for each image")
        found.append(labels.astype(np.int64))
    return np.concatenate(found)


def _classes(
    path: Path, arrays: Arrays, labels: NDArray[np.int64], names: Sequence[str | int] | None
) -> tuple[str, ...]:
    if names is None and "classes" in arrays:
        found = arrays["classes"]
        if found.ndim != 1:
            raise DataError(f"{path}: classes: found {_kind(found)}, allowed: names (K,)")
        names = [str(name) for name in found.tolist()]
    classes = tuple(as_names(names or range(int(labels.max()) + 1)))
    require_classes(path, classes)
    if len(outside := labels[(labels < 0) | (labels >= len(classes))]):
        raise DataError(f"{path}: labels: found {outside[0]}, allowed: 0 to {len(classes) - 1}")
    counts = np.bincount(labels, minlength=len(classes))
    if counts.min() < len(SPLITS):
        found = f"{counts.min()} images of the class {classes[int(counts.argmin())]!r}"
        raise DataError(f"{path}: found {found}, allowed: {len(SPLITS)} or more, one for each split")
    return classes


def _splits(
    path: Path, arrays: Arrays, labels: NDArray[np.int64], params: SetParams, generator: Generator
) -> NDArray[np.uint8]:
    if "splits" in arrays:
        splits = arrays["splits"]
        if splits.dtype.kind not in "iu" or splits.shape != labels.shape:
            allowed = f"integers {labels.shape}, one for each image"
            raise DataError(f"{path}: splits: found {_kind(splits)}, allowed: {allowed}")
        if len(outside := splits[(splits < 0) | (splits >= len(SPLITS))]):
            raise DataError(f"{path}: splits: found {outside[0]}, allowed: 0 to {len(SPLITS) - 1}")
        return splits.astype(np.uint8)
    if "images" in arrays:
        return stratified_splits(labels, params.validation, params.test, generator)
    train = arrays.header("x_train").shape[0]
    return official_splits(labels[:train], len(labels) - train, generator, params.validation)


def _checked_shape(path: Path, name: str, header: Header) -> tuple[int, ...]:
    """The shape with channels first: (N, C, S, S), or (N, S, S) for gray images. Raises DataError."""
    shape = header.shape
    if len(shape) == 4 and shape[1] not in (1, 3) and shape[3] in (1, 3):
        shape = shape[0], shape[3], shape[1], shape[2]
    square = len(shape) in (3, 4) and shape[-1] == shape[-2] and all(shape)
    if header.dtype != np.uint8 or not square or (len(shape) == 4 and shape[1] not in (1, 3)):
        allowed = "uint8 (N, S, S), (N, S, S, 1 or 3) or (N, 1 or 3, S, S), N ≥ 1"
        raise DataError(f"{path}: {name}: found {header}, allowed: {allowed}")
    return shape


def _channels_first(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(N, S, S), (N, S, S, C) or (N, C, S, S) to (N, C, S, S)."""
    images = images[:, None] if images.ndim == 3 else images
    return images if images.shape[1] in (1, 3) else images.transpose(0, 3, 1, 2)


def _kind(array: NDArray[Any]) -> Header:
    return Header(array.dtype, array.shape)
