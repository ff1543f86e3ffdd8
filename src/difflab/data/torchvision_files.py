"""torchvision's data sets, optionally blended with photographs as in MNIST-M."""

import shutil
import socket
import string
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPException
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from difflab.data import cifar
from difflab.data.classes import DIGITS
from difflab.data.dataset import SPLITS, ImageDataset
from difflab.data.image_files import find_images
from difflab.data.images import stream_images
from difflab.data.mnistm import blend_splits
from difflab.data.splits import official_splits, random_splits
from difflab.errors import DataError

_LETTERS = tuple(string.ascii_uppercase + string.ascii_lowercase)
_MERGED = (*DIGITS, *string.ascii_uppercase, *"abdefghnqrt")  # letters alike in both cases are merged
CLASSES: dict[str, tuple[str, ...]] = {
    "FashionMNIST": (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
    "KMNIST": ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    "EMNIST-byclass": (*DIGITS, *_LETTERS),
    "EMNIST-bymerge": _MERGED,
    "EMNIST-balanced": _MERGED,
    "EMNIST-letters": tuple(string.ascii_lowercase),
    "CIFAR10": cifar.CLASSES,
}  # all other data sets are digits
FIRST_LABEL = {"EMNIST-letters": 1}


def parts_of(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The training files and the test files, relative to ROOT/torchvision."""
    match name:
        case "SVHN":
            return ("train_32x32.mat",), ("test_32x32.mat",)
        case "USPS":
            return ("usps.bz2",), ("usps.t.bz2",)
        case "CIFAR10":
            train, test = (tuple(f"{cifar.FOLDER}/{file}" for file in part) for part in (cifar.TRAIN, cifar.TEST))
            return train, test
    kind, _, split = name.partition("-")
    first, second = (f"{kind}/raw/emnist-{split}-{part}" if split else f"{kind}/raw/{part}" for part in _names(split))
    kinds = ("images-idx3-ubyte", "labels-idx1-ubyte")
    return tuple(f"{first}-{end}" for end in kinds), tuple(f"{second}-{end}" for end in kinds)


def _names(split: str) -> tuple[str, str]:
    return ("train", "test") if split else ("train", "t10k")


def files_of(name: str) -> tuple[str, ...]:
    """All files, relative to ROOT/torchvision."""
    return tuple(chain.from_iterable(parts_of(name)))


USPS_SIZE = 16  # pixels a side
TIMEOUT = 30  # seconds without data after which a download fails


def check(name: str, root: Path) -> None:
    """Raises DataError when a file of the data set `name` is missing in `root`."""
    for path in (root / "torchvision" / file for file in files_of(name)):
        if not path.is_file():
            raise DataError(f"{path}: not found; put it there or choose another source")


def check_blended(name: str, root: Path) -> None:
    """Raises DataError when a file of `name`, or the photographs, are missing in `root`."""
    check(name, root)
    find_images(root / "photos")


def download(name: str, root: Path) -> None:
    """Download a data set that is missing in `root` to a temporary folder, then move its files into place.

    torchvision checks the hashes. If that fails, removes the temporary folder and raises DataError.
    """
    folder, files = root / "torchvision", files_of(name)
    if all((folder / file).is_file() for file in files):
        return
    partial = root / f"{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        _download(name, partial)
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (partial / file).replace(folder / file)
    except (OSError, RuntimeError, HTTPException) as error:
        raise DataError(
            f"the download failed ({' '.join(str(error).split())}); without a network put "
            f"{', '.join(files)} into {folder}/ or choose another source"
        ) from None
    finally:
        socket.setdefaulttimeout(timeout)
        shutil.rmtree(partial, ignore_errors=True)


def _download(name: str, folder: Path) -> None:
    from torchvision import datasets

    kind, _, split = name.partition("-")
    match kind:
        case "SVHN":
            for part in ("train", "test"):
                datasets.SVHN(folder, split=part, download=True)
        case "EMNIST":
            datasets.EMNIST(folder, split=split, download=True)  # its archive has both parts
        case "CIFAR10":  # its class would unpickle the files
            source = datasets.CIFAR10
            archive = {"filename": source.filename, "md5": source.tgz_md5}
            datasets.utils.download_and_extract_archive(source.url, str(folder), **archive)
        case _:
            for train in (True, False):
                getattr(datasets, kind)(folder, train=train, download=True)


def classes_of(name: str) -> tuple[str, ...]:
    """The class names of the data set `name`."""
    return CLASSES.get(name, DIGITS)


def read(name: str, root: Path, generator: Generator, validation: float = 0.1) -> ImageDataset:
    """Read the official training images, a share `validation` of them for validation, and the official test images.

    (N, C, H, W) uint8, as published: SVHN and CIFAR-10 3×32×32, USPS 1×16×16, all others 1×28×28. Raises DataError
    naming the file that cannot be read or does not match another.
    """
    train_images, train_labels = _read_part(name, root / "torchvision", train=True)
    test_images, test_labels = _read_part(name, root / "torchvision", train=False)
    return ImageDataset(
        images=torch.cat([train_images, test_images]),
        labels=torch.cat([train_labels, test_labels]),
        splits=torch.from_numpy(official_splits(train_labels.numpy(), len(test_labels), generator, validation)),
        description=name,
        classes=classes_of(name),
    )


def read_blended(name: str, root: str | Path, generator: Generator, validation: float = 0.1) -> ImageDataset:
    """Read gray images and blend them with the photographs in `root`/photos, as MNIST-M does with MNIST.

    (N, 3, 28, 28) uint8. Raises DataError.
    """
    return _blend(read(name, Path(root), generator, validation), Path(root, "photos"), generator)


def _read_part(name: str, folder: Path, train: bool) -> tuple[Tensor, Tensor]:
    """(N, C, H, W) images and (N,) labels."""
    from torchvision import datasets

    paths = [folder / file for file in parts_of(name)[0 if train else 1]]
    with _naming(paths[0]):
        match name:
            case "SVHN":
                part = datasets.SVHN(folder, split="train" if train else "test")
                images, labels = torch.from_numpy(part.data), torch.from_numpy(part.labels)
            case "USPS":
                images, labels = read_usps(paths[0])
            case "CIFAR10":
                images, labels = cifar.read_cifar(paths)
            case _:
                images = datasets.mnist.read_image_file(str(paths[0]))[:, None]
                images = images.mT if name.startswith("EMNIST") else images  # its images are transposed
                with _naming(paths[1]):
                    labels = datasets.mnist.read_label_file(str(paths[1]))
    if len(images) != len(labels):
        raise DataError(f"{paths[0]}: {len(images)} images, but {len(labels)} labels in {paths[-1]}")
    first, count = FIRST_LABEL.get(name, 0), len(classes_of(name))
    if len(outside := labels[(labels < first) | (labels >= first + count)]):
        raise DataError(f"{paths[-1]}: label {outside[0]}, allowed: {first}-{first + count - 1}")
    return images, labels - first


def read_usps(path: str | Path) -> tuple[Tensor, Tensor]:
    """Read a libsvm file as torchvision does: (N, 1, 16, 16) uint8 images and (N,) int64 labels in 0-9.

    Raises DataError or ValueError unless every line has a label from 1 to 10 and 256 numbers from -1 to 1 (torchvision
    would also convert NaN).
    """
    from sklearn.datasets import load_svmlight_file

    options: dict[str, Any] = {"n_features": USPS_SIZE**2, "dtype": np.float32}
    rows, labels = load_svmlight_file(str(path), **options)
    if (strange := labels[~np.isin(labels, range(1, 11))]).size:
        raise DataError(f"{path}: labels: found {strange[0]:g}, allowed: 1 to 10")
    if (short := np.flatnonzero(rows.getnnz(axis=1) != USPS_SIZE**2)).size:
        raise ValueError(f"{rows.getnnz(axis=1)[short[0]]} pixels in line {short[0] + 1}, allowed: {USPS_SIZE**2}")
    pixels = rows.toarray()
    if (lines := np.flatnonzero(~(np.abs(pixels) <= 1).all(axis=1))).size:
        row = pixels[lines[0]]
        value = row[~(np.abs(row) <= 1)][0]
        raise DataError(f"{path}: pixels: found {value:g} in line {lines[0] + 1}, allowed: -1 to 1")
    images = ((pixels + 1) / 2 * 255).astype(np.uint8).reshape(-1, 1, USPS_SIZE, USPS_SIZE)
    return torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64) - 1)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn any error that a reader raises for a damaged file into a DataError that names the file."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # depends on the reader: AssertionError, IndexError, ValueError, EOFError, …
        raise DataError(f"{path}: cannot be read: {' '.join(str(error).split()) or type(error).__name__}") from None


def _blend(digits: ImageDataset, folder: Path, generator: Generator) -> ImageDataset:
    """Blend each digit with a photograph of its split, as in MNIST-M. Raises DataError."""
    paths = find_images(folder)
    if len(paths) < len(SPLITS):
        raise DataError(f"{folder}: {len(paths)} photographs, allowed: {len(SPLITS)} or more, one for each split")
    size = digits.images.shape[-1]
    photos = [np.asarray(image.convert("RGB")) for image in stream_images(paths, "reading photographs")]
    for path, photo in zip(paths, photos, strict=True):
        if min(photo.shape[:2]) < size:
            raise DataError(f"{path}: {photo.shape[1]}×{photo.shape[0]} pixels, allowed: {size}×{size} or more")
    photo_splits = random_splits(len(photos), 0.1, 0.1, generator)
    by_split = [[photos[i] for i in np.flatnonzero(photo_splits == index)] for index in range(len(SPLITS))]
    images = blend_splits(digits.images[:, 0].numpy(), digits.splits.numpy(), by_split, generator)
    description = f"{digits.description} blended with {len(photos)} photographs as in MNIST-M"
    return replace(digits, images=torch.from_numpy(np.ascontiguousarray(images)), description=description)
