"""Folders of images with classes, and of images without classes, such as faces.

With classes: CSV files (labels.csv, or train.csv with val.csv or test.csv) with the columns image_name and label; or
one folder of images for each class, optionally below train/, val/ and test/. Without classes: all images below the
folder, split by person.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from difflab.config.data import FaceIdentity, SetParams
from difflab.data.class_checks import require_classes, require_each_class
from difflab.data.classes import as_names
from difflab.data.dataset import SPLITS, ImageDataset
from difflab.data.image_files import find_images
from difflab.data.images import read_squares
from difflab.data.labeled_files import read_csvs, read_folders
from difflab.data.splits import TEST, TRAIN, VALIDATION, grouped_splits, stratified_splits
from difflab.errors import DataError

FRAME = re.compile(r"(.+)_\d+")  # IDENTITY_NUMBER: several images of one person
IDENTITIES: dict[FaceIdentity, str] = {
    "prefix": "what is before _NUMBER in a file's name is a person",
    "folder": "each folder is a person",
    "file": "each file is a person",
}
LARGEST = 256  # maximum size, in pixels, at which images with classes are stored


@dataclass(frozen=True)
class Listing:
    """N image files with labels (N,), indices into `classes`, and splits (N,), indices into SPLITS."""

    paths: list[Path]
    labels: NDArray[np.int64]
    splits: NDArray[np.uint8]
    classes: tuple[str, ...]


def list_classes(folder: Path, params: SetParams, generator: Generator) -> Listing:
    """List the images of a folder with classes, without opening them.

    Raises DataError for too few or too many classes, for names that are equal or differ only in case, for a class that
    is missing or has no image in one of the splits, and for an image without a label or a label without an image.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    csvs = [path for path in (folder / f"{name}.csv" for name in ("labels", "train", "val", "test")) if path.exists()]
    asked = None if params.classes is None else as_names(params.classes)
    parts = read_csvs(folder) if csvs else read_folders(folder, asked)
    classes = _classes(folder, [name for part in parts.values() for _, name in part], asked)
    files: list[Path] = []
    splits: list[NDArray[np.uint8]] = []
    numbers: list[int] = []
    for split, part in parts.items():
        kept = [(path, classes.index(name)) for path, name in part if name in classes]
        labels = np.array([label for _, label in kept], dtype=np.int64)
        splits.append(_split(split, labels, set(parts), params, generator))
        files += [path for path, _ in kept]
        numbers += labels.tolist()
    listing = Listing(files, np.array(numbers, dtype=np.int64), np.concatenate(splits), classes)
    require_each_class(folder, listing.labels, listing.splits, classes)
    return listing


def _split(
    part: str, labels: NDArray[np.int64], parts: set[str], params: SetParams, generator: Generator
) -> NDArray[np.uint8]:
    """Splits (N,) of a part: "val" is the test set if there is no "test".

    Validation images come from "train" unless the folder has all three parts.
    """
    match part:
        case "all":
            return stratified_splits(labels, params.validation, params.test, generator)
        case "train" if parts == {"train", "val", "test"}:
            return np.full(len(labels), TRAIN, dtype=np.uint8)
        case "train":
            return stratified_splits(labels, params.validation, 0, generator)
        case "val" if "test" in parts:
            return np.full(len(labels), VALIDATION, dtype=np.uint8)
    return np.full(len(labels), TEST, dtype=np.uint8)


def _classes(folder: Path, labels: Sequence[str], asked: Sequence[str] | None) -> tuple[str, ...]:
    """The class names, in the order of `asked` or sorted, numbers first and by value. Raises DataError."""
    found = sorted(set(labels), key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name))
    same: dict[str, str] = {}
    alike: dict[str, str] = {}
    for name in found:
        first = same.setdefault(unicodedata.normalize("NFC", name).strip(), name)
        if first != name:
            raise DataError(f"{folder}: found the classes {first!r} and {name!r}, allowed: names that look different")
        other = alike.setdefault(name.casefold(), name)
        if other != name and not {name, other} <= set(asked or ()):
            allowed = "names that differ in more than case, or both in classes"
            raise DataError(f"{folder}: found the classes {other!r} and {name!r}, allowed: {allowed}")
    for name in asked or ():
        if name not in found:
            raise DataError(f"{folder}: found no class {name!r}, allowed: {_some(found)}")
    classes = tuple(asked or found)
    require_classes(folder, classes)
    return classes


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (", …" if len(names) > 20 else "")


def read_classes(folder: str | Path, params: SetParams, generator: Generator) -> ImageDataset:
    """Read images with classes as (N, C, S, S) uint8; see `list_classes` and `read_squares`. Raises DataError."""
    folder = Path(folder)
    listing = list_classes(folder, params, generator)
    return ImageDataset(
        images=torch.from_numpy(read_squares(listing.paths, LARGEST)),
        labels=torch.from_numpy(listing.labels),
        splits=torch.from_numpy(listing.splits),
        description=f"images of a folder {folder.name}/",
        classes=listing.classes,
    )


def read_persons(folder: str | Path, identity: FaceIdentity, generator: Generator) -> ImageDataset:
    """Read images without classes as (N, C, S, S) uint8. Raises DataError naming the file.

    `identity`: how files are assigned to persons, so that no person is in two splits; see IDENTITIES.
    """
    folder = Path(folder)
    paths, splits = _split_persons(folder, identity, generator)
    return ImageDataset(
        images=torch.from_numpy(read_squares(paths)),
        labels=torch.zeros(len(paths), dtype=torch.int64),
        splits=torch.from_numpy(splits),
        description=f"images of a folder {folder.name}/",
    )


def held_out_persons(folder: Path, identity: FaceIdentity, generator: Generator) -> list[Path]:
    """The files of validation and test images in `read_persons`, given a generator with the same seed."""
    paths, splits = _split_persons(folder, identity, generator)
    return [path for path, split in zip(paths, splits, strict=True) if split != TRAIN]


def check_persons(folder: Path, identity: FaceIdentity) -> None:
    """Raises DataError when the folder is missing, has no images or shows fewer than three persons."""
    _identified(folder, identity)


def _split_persons(folder: Path, identity: FaceIdentity, generator: Generator) -> tuple[list[Path], NDArray[np.uint8]]:
    paths, identities = _identified(folder, identity)
    return paths, grouped_splits(identities, 0.1, 0.1, generator)


def _identified(folder: Path, identity: FaceIdentity) -> tuple[list[Path], list[str]]:
    """All image files, and the identity of the person in each. Raises DataError."""
    paths = find_images(folder)
    identities = [_identity(path, identity) for path in paths]
    if (n := len(set(identities))) < len(SPLITS):
        found = f"{n} different persons in {len(paths)} files such as {paths[0].name} by persons: {identity}"
        others = ", ".join(f"{name} ({text})" for name, text in IDENTITIES.items() if name != identity)
        raise DataError(f"{folder}: found {found}, allowed: 3 or more, or persons: {others}")
    return paths, identities


def _identity(path: Path, identity: FaceIdentity) -> str:
    match identity:
        case "prefix":  # of IDENTITY_NUMBER.jpg; any other file counts as a separate person
            frame = FRAME.fullmatch(path.stem)
            return str(path.with_name(frame[1]) if frame else path)
        case "folder":
            return str(path.parent)
        case "file":
            return str(path)
