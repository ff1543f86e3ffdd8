"""The user's own images: `data.root`/digits/NAME/ with train.csv and val.csv, and `data.root`/faces/.

A CSV has the columns image_name and label; its images lie beside it, or in data/ beside it. The images of val.csv are
the test split; validation is taken from train.csv.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator

from difflab.data.dataset import SPLITS, DataError, ImageDataset
from difflab.data.images import find_images, read_squares
from difflab.data.splits import grouped_splits, official_splits

CSVS = ("train.csv", "val.csv")
FRAME = re.compile(r"(.+)_\d+")  # IDENTITY_NUMBER: several pictures of one person


def check(name: str, root: Path) -> None:
    """Raises DataError when the folder or a CSV of the data set is not there."""
    if name == "faces":
        find_images(root / "faces")
        return
    folder = root / "digits" / name
    for path in (folder, *(folder / csv_name for csv_name in CSVS)):
        if not path.exists():
            hint = "; data.sources.mnistm: torchvision builds it from MNIST and data.root/photos"
            raise DataError(f"{path}: not found{hint if name == 'mnistm' else ''}")


def read(name: str, root: Path, generator: Generator) -> ImageDataset:
    """(N, C, S, S) images of one size. Raises DataError naming the file and, in a CSV, the line."""
    return (
        _read_faces(root / "faces", generator) if name == "faces" else _read_digits(root / "digits" / name, generator)
    )


def _read_digits(folder: Path, generator: Generator) -> ImageDataset:
    (train_paths, train_labels), (test_paths, test_labels) = (_read_csv(folder / csv_name) for csv_name in CSVS)
    if both := set(train_paths) & set(test_paths):
        raise DataError(f"{folder / CSVS[1]}: {min(both).name} is in {CSVS[0]} too")
    splits = official_splits(np.array(train_labels), len(test_labels), generator)
    return ImageDataset(
        images=torch.from_numpy(read_squares(train_paths + test_paths)),
        labels=torch.tensor(train_labels + test_labels),
        splits=torch.from_numpy(splits),
        description=f"images of a folder {folder.name}/",
    )


def _read_csv(path: Path) -> tuple[list[Path], list[int]]:
    """Image paths and their labels, in the order of the lines."""
    folder = path.parent / "data" if (path.parent / "data").is_dir() else path.parent
    labels: dict[Path, int] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if not {"image_name", "label"} <= set(rows.fieldnames or ()):
                raise DataError(f"{path}: columns {rows.fieldnames}, allowed: image_name, label")
            for row in rows:
                line = f"{path}, line {rows.line_num}"
                image = folder / (row["image_name"] or "")
                if row["label"] not in set("0123456789"):
                    raise DataError(f"{line}: label {row['label']!r}, allowed: 0-9")
                if image in labels:
                    raise DataError(f"{line}: {image.name} a second time")
                if not image.is_file():
                    raise DataError(f"{line}: {image} not found")
                labels[image] = int(row["label"])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV: {error}") from None
    if not labels:
        raise DataError(f"{path}: no images in it")
    return list(labels), list(labels.values())


def _read_faces(folder: Path, generator: Generator) -> ImageDataset:
    paths = find_images(folder)
    identities = [_identity(path) for path in paths]
    if (n := len(set(identities))) < len(SPLITS):
        raise DataError(f"{folder}: {n} identities (what is before _NUMBER in a file's name), allowed: 3 or more")
    splits = grouped_splits(identities, 0.1, 0.1, generator)
    return ImageDataset(
        images=torch.from_numpy(read_squares(paths)),
        labels=torch.zeros(len(paths), dtype=torch.int64),
        splits=torch.from_numpy(splits),
        description="images of a folder faces/",
    )


def _identity(path: Path) -> str:
    """The person in IDENTITY_NUMBER.jpg; any other file is a person of its own."""
    frame = FRAME.fullmatch(path.stem)
    return str(path.with_name(frame[1]) if frame else path)
