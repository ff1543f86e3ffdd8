"""The user's own images: `data.root`/digits/NAME/ with train.csv and val.csv, and `data.root`/faces/.

A CSV has the columns image_name and label; its images lie beside it, or in data/ beside it. The images of val.csv are
the test split; validation is taken from train.csv.
"""

import csv
import re
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from difflab.config.data import FaceIdentity
from difflab.data.dataset import SPLITS, ImageDataset
from difflab.data.image_files import find_images, is_image, say
from difflab.data.images import read_squares
from difflab.data.splits import TRAIN, grouped_splits, official_splits
from difflab.errors import DataError

CSVS = ("train.csv", "val.csv")
FRAME = re.compile(r"(.+)_\d+")  # IDENTITY_NUMBER: several pictures of one person
IDENTITIES: dict[FaceIdentity, str] = {
    "prefix": "what is before _NUMBER in a file's name is a person",
    "folder": "each folder is a person",
    "file": "each file is a person",
}


def check(name: str, root: Path, identity: FaceIdentity) -> None:
    """Raises DataError when the folder or a CSV of the data set is not there, or the faces cannot be split."""
    if name == "faces":
        _identified_faces(root / "faces", identity)
        return
    folder = root / "digits" / name
    for path in (folder, *(folder / csv_name for csv_name in CSVS)):
        if not path.exists():
            hint = "; data.sources.mnistm: torchvision builds it from MNIST and data.root/photos"
            raise DataError(f"{path}: not found{hint if name == 'mnistm' else ''}")


def read(name: str, root: Path, identity: FaceIdentity, generator: Generator) -> ImageDataset:
    """(N, C, S, S) images of one size. Raises DataError naming the file and, in a CSV, the line.

    `identity`: what tells the persons of the faces apart, so that none is in two splits.
    """
    if name == "faces":
        return _read_faces(root / "faces", identity, generator)
    return _read_digits(root / "digits" / name, generator)


def held_out_faces(root: Path, identity: FaceIdentity, generator: Generator) -> list[Path]:
    """The faces that `read` with a generator of the same seed puts into the validation and test splits."""
    paths, splits = _split_faces(root / "faces", identity, generator)
    return [path for path, split in zip(paths, splits, strict=True) if split != TRAIN]


def _read_digits(folder: Path, generator: Generator) -> ImageDataset:
    (train_paths, train_labels), (test_paths, test_labels) = (_read_csv(folder / csv_name) for csv_name in CSVS)
    if both := set(train_paths) & set(test_paths):
        raise DataError(f"{folder / CSVS[1]}: {min(both).name} is in {CSVS[0]} too")
    _say_which_are_not_listed(_image_folder(folder), {*train_paths, *test_paths})
    splits = official_splits(np.array(train_labels), len(test_labels), generator)
    return ImageDataset(
        images=torch.from_numpy(read_squares(train_paths + test_paths)),
        labels=torch.tensor(train_labels + test_labels),
        splits=torch.from_numpy(splits),
        description=f"images of a folder {folder.name}/",
    )


def _read_csv(path: Path) -> tuple[list[Path], list[int]]:
    """Image paths and their labels, in the order of the lines."""
    folder = _image_folder(path.parent)
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


def _image_folder(folder: Path) -> Path:
    return folder / "data" if (folder / "data").is_dir() else folder


def _say_which_are_not_listed(folder: Path, listed: set[Path]) -> None:
    others = [path for path in sorted(folder.iterdir()) if path not in listed and is_image(path)]
    if others:
        say(f"{folder}: {len(others)} images that no CSV lists are not used, the first of them {others[0].name}")


def _read_faces(folder: Path, identity: FaceIdentity, generator: Generator) -> ImageDataset:
    paths, splits = _split_faces(folder, identity, generator)
    return ImageDataset(
        images=torch.from_numpy(read_squares(paths)),
        labels=torch.zeros(len(paths), dtype=torch.int64),
        splits=torch.from_numpy(splits),
        description="images of a folder faces/",
    )


def _split_faces(folder: Path, identity: FaceIdentity, generator: Generator) -> tuple[list[Path], NDArray[np.uint8]]:
    paths, identities = _identified_faces(folder, identity)
    return paths, grouped_splits(identities, 0.1, 0.1, generator)


def _identified_faces(folder: Path, identity: FaceIdentity) -> tuple[list[Path], list[str]]:
    """All faces and the person that each shows."""
    paths = find_images(folder)
    identities = [_identity(path, identity) for path in paths]
    if (n := len(set(identities))) < len(SPLITS):
        found = f"{n} different persons in {len(paths)} files such as {paths[0].name} by data.face_identity: {identity}"
        others = ", ".join(f"{name} ({text})" for name, text in IDENTITIES.items() if name != identity)
        raise DataError(f"{folder}: found {found}, allowed: 3 or more, or data.face_identity: {others}")
    return paths, identities


def _identity(path: Path, identity: FaceIdentity) -> str:
    match identity:
        case "prefix":  # of IDENTITY_NUMBER.jpg; any other file is a person of its own
            frame = FRAME.fullmatch(path.stem)
            return str(path.with_name(frame[1]) if frame else path)
        case "folder":
            return str(path.parent)
        case "file":
            return str(path)
