"""A folder for each class: layouts, splits, names, and one-line errors before any image is read."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from difflab.config.data import SetParams
from difflab.config.load import validate
from difflab.data.classes import MAX_CLASSES
from difflab.data.dataset import SPLITS, ImageDataset
from difflab.data.folder import list_classes, read_classes
from difflab.errors import DataError

PER_CLASS = 10


def fill(folder: Path, count: int = PER_CLASS, value: int = 0) -> None:
    """Images of one gray value, one for each number below `count`."""
    folder.mkdir(parents=True)
    for number in range(count):
        Image.new("L", (4, 4), value).save(folder / f"{number}.png")


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    for value, name in enumerate(("B", "a", "Ç d_e")):
        fill(tmp_path / "letters" / name, value=value)
    return tmp_path / "letters"


def params(**values: Any) -> SetParams:
    return validate(SetParams, {"source": "folder"} | values)


def read(folder: Path, **values: Any) -> ImageDataset:
    return read_classes(folder, params(**values), np.random.default_rng(0))


def names(dataset: ImageDataset) -> list[str]:
    return [dataset.classes[label] for label in dataset.labels.tolist()]


def test_classes_are_the_folders_in_their_order(letters: Path) -> None:
    (letters / ".DS_Store").touch()
    (letters / "README.md").touch()
    dataset = read(letters)
    assert dataset.classes == ("B", "a", "Ç d_e")
    assert names(dataset) == [("B", "a", "Ç d_e")[value] for value in dataset.images[:, 0, 0, 0].tolist()]
    for split, count in zip(SPLITS, (7, 1, 2), strict=True):
        assert dataset.part(split).labels.bincount().tolist() == [count] * 3


def test_numbers_are_ordered_by_their_size(tmp_path: Path) -> None:
    for name in ("10", "9", "x"):
        fill(tmp_path / name, 3)
    assert read(tmp_path).classes == ("9", "10", "x")


def test_some_classes_in_an_order_of_their_own(letters: Path) -> None:
    dataset = read(letters, classes=["a", "B"])
    assert dataset.classes == ("a", "B") and len(dataset) == 2 * PER_CLASS
    assert dataset.images[:, 0, 0, 0].tolist() == [1 - label for label in dataset.labels.tolist()]


def test_shares_of_the_splits(letters: Path) -> None:
    dataset = read(letters, validation=0.3, test=0.5)
    assert [len(dataset.part(split)) for split in SPLITS] == [6, 9, 15]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"train": 10, "val": 4}, [9, 1, 4]),
        ({"train": 10, "test": 4}, [9, 1, 4]),
        ({"train": 10, "val": 3, "test": 4}, [10, 3, 4]),
    ],
)
def test_folders_of_splits(tmp_path: Path, parts: dict[str, int], expected: list[int]) -> None:
    for part, count in parts.items():
        for value, name in enumerate("xy"):
            fill(tmp_path / part / name, count, value)
    dataset = read(tmp_path)
    assert [dataset.part(split).labels.bincount().tolist() for split in SPLITS] == [[n, n] for n in expected]


def test_one_csv_is_split_at_random(tmp_path: Path) -> None:
    fill(tmp_path / "data", 20)
    rows = [f"{number}.png,{'cat' if number % 2 else 'dog'}" for number in range(20)]
    (tmp_path / "labels.csv").write_text("\n".join(["image_name,label", *rows]))
    dataset = read(tmp_path)
    assert dataset.classes == ("cat", "dog")
    assert [dataset.part(split).labels.bincount().tolist() for split in SPLITS] == [[7, 7], [1, 1], [2, 2]]


def test_classes_survive_the_file(letters: Path) -> None:
    read(letters).save(letters / "set.safetensors")
    assert ImageDataset.load(letters / "set.safetensors").classes == ("B", "a", "Ç d_e")


def test_large_images_are_stored_at_256_pixels(tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        for number in range(3):
            Image.new("RGB", (300, 280 + number)).save(tmp_path / f"{name}/{number}.png")
    assert tuple(read(tmp_path).images.shape) == (6, 3, 256, 256)


def many(folder: Path) -> None:
    for number in range(MAX_CLASSES + 1):
        fill(folder / f"class {number}", 1)


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (
            lambda d: [fill(d / "one", n) for n in (1,)],
            r"letters: found the class 'one' without an image for .*1 images",
        ),
        (lambda d: (d / "none").mkdir(), r"letters/none: no images in it"),
        (lambda d: Image.new("L", (4, 4)).save(d / "loose.png"), r"letters/loose\.png: found an image without a class"),
        (lambda d: (d / "B/notes.xyz").touch(), r"letters/B/notes\.xyz: found no image that can be read"),
        (lambda d: fill(d / "C\u0327 d_e"), r"letters: found the classes .* names that look different"),
        (lambda d: fill(d / "train/B"), r"letters/val: not found"),
        (lambda d: [fill(d / f"{part}/B") for part in ("train", "val")], r"letters/B: found beside train/"),
        (many, rf"letters: found {MAX_CLASSES + 4} classes, allowed: 2 to {MAX_CLASSES}"),
        (lambda d: fill(d / "x".ljust(101, "x")), r"letters/x+: found \"x+\S*, allowed: a name of 1 to 100"),
    ],
)
def test_what_is_wrong_with_a_folder_is_one_line(letters: Path, spoil: Callable[[Path], Any], found: str) -> None:
    spoil(letters)
    with pytest.raises(DataError) as error:
        list_classes(letters, params(), np.random.default_rng(0))
    line = str(error.value)
    assert re.search(found, line) and "\n" not in line


def test_a_class_that_one_split_lacks(tmp_path: Path) -> None:
    for part, kinds in (("train", "xyz"), ("test", "xy")):
        for name in kinds:
            fill(tmp_path / part / name)
    with pytest.raises(DataError, match=r"found the class 'z' without an image for test \(10 images in all\)"):
        list_classes(tmp_path, params(), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("kinds", "values", "found"),
    [
        ("x", {}, "found 1 classes, allowed: 2 to"),
        ("xy", {"classes": ["x", "q"]}, "found no class 'q', allowed: x, y"),
        ("", {}, "found no images"),
    ],
)
def test_classes_that_are_not_there(tmp_path: Path, kinds: str, values: dict[str, Any], found: str) -> None:
    for name in kinds:
        fill(tmp_path / "d" / name)
    (tmp_path / "d").mkdir(exist_ok=True)
    with pytest.raises(DataError, match=found):
        list_classes(tmp_path / "d", params(**values), np.random.default_rng(0))


def test_both_kinds_of_csv(tmp_path: Path) -> None:
    for name in ("labels", "train", "val"):
        (tmp_path / f"{name}.csv").write_text("image_name,label\n")
    with pytest.raises(DataError, match=r"labels\.csv: found train\.csv too, allowed: one of both"):
        list_classes(tmp_path, params(), np.random.default_rng(0))
