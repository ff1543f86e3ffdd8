"""Data sets in NumPy files: what is read, and a one-line error for each kind of mistake."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from difflab.config.data import SetParams
from difflab.config.load import validate
from difflab.data.arrays import array_classes, read_arrays
from difflab.data.dataset import SPLITS, ImageDataset
from difflab.errors import DataError

IMAGES = np.random.default_rng(0).integers(256, size=(60, 8, 8, 3), dtype=np.uint8)
LABELS = np.arange(60) % 3


def read(path: Path, **values: Any) -> ImageDataset:
    params = validate(SetParams, {"source": "npz"} | values)
    classes = array_classes(path, params)
    dataset = read_arrays(path, params, np.random.default_rng(0))
    assert dataset.classes == classes
    dataset.require(str(path))
    return dataset


def save(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


def test_images_and_labels(tmp_path: Path) -> None:
    dataset = read(save(tmp_path, images=IMAGES, labels=LABELS), classes=["x", "y", "z"])
    assert np.array_equal(dataset.images.numpy(), IMAGES.transpose(0, 3, 1, 2))
    assert dataset.labels.tolist() == LABELS.tolist() and dataset.classes == ("x", "y", "z")
    assert [dataset.part(split).labels.bincount().tolist() for split in SPLITS] == [[14] * 3, [2] * 3, [4] * 3]


def test_a_folder_of_npy_files_with_splits_and_names(tmp_path: Path) -> None:
    splits = np.arange(60) // 20
    for name, array in {
        "images": IMAGES[..., 0],
        "labels": LABELS,
        "splits": splits,
        "classes": ["p", "q", "r"],
    }.items():
        np.save(tmp_path / f"{name}.npy", array)
    dataset = read(tmp_path)
    assert dataset.classes == ("p", "q", "r") and tuple(dataset.images.shape) == (60, 1, 8, 8)
    assert dataset.splits.tolist() == splits.tolist()


def test_the_layout_of_keras(tmp_path: Path) -> None:
    parts = {"x_train": IMAGES[:40], "y_train": LABELS[:40, None], "x_test": IMAGES[40:], "y_test": LABELS[40:, None]}
    dataset = read(save(tmp_path, **parts))
    assert dataset.classes == ("0", "1", "2") and dataset.labels.tolist() == LABELS.tolist()
    assert (dataset.splits[40:] == SPLITS.index("test")).all() and len(dataset.part("validation")) == 3


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"labels": None}, "found images, allowed: images and labels, or x_train"),
        ({"images": None, "labels": None}, "found no array, allowed"),
        ({"images": IMAGES / 255}, "images: found float64"),
        ({"images": IMAGES[..., :2]}, r"images: found uint8 \(60, 8, 8, 2\)"),
        ({"labels": LABELS + 0.5}, "labels: found float64"),
        ({"labels": LABELS - 1}, "labels: found -1, allowed: 0 to 1"),
        ({"labels": np.where(np.arange(60) < 2, 3, LABELS)}, "found 2 images of the class '3', allowed: 3 or more"),
        ({"labels": np.zeros(60, dtype=int)}, "found 1 classes, allowed: 2 to"),
        ({"labels": np.arange(60) * 100}, "found 5901 classes, allowed: 2 to"),
        ({"labels": LABELS[:50]}, "labels: found int64"),
        ({"images": IMAGES[:, :6]}, r"images: found uint8 \(60, 6, 8, 3\)"),
        ({"classes": np.array(["x", "x", "y"])}, "classes: found two of one name"),
        ({"labels": np.array([0, None] * 30, dtype=object)}, "labels: cannot be read: Object arrays"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, changed: dict[str, Any], found: str) -> None:
    arrays = {"images": IMAGES, "labels": LABELS} | changed
    path = save(tmp_path, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(DataError, match=found) as error:
        read(path)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)


def test_no_file_and_no_archive(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not found"):
        read(tmp_path / "a.npz")
    (tmp_path / "a.npz").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"a\.npz: cannot be read as \.npz"):
        read(tmp_path / "a.npz")
