"""The user's own images: the layout, the splits, and one clear line for each mistake."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image

from difflab.config.data import FaceIdentity, SetParams
from difflab.config.load import validate
from difflab.data import folder
from difflab.data.dataset import SPLITS, ImageDataset
from difflab.errors import DataError

N_TRAIN, N_TEST = 60, 20


def image(path: Path, value: int, size: int = 4) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((size, size), value, dtype=np.uint8)).save(path)


def make_digits(usps: Path, images: str = ".") -> None:
    """Image i is grey value i, its label i % 10; train.csv lists the first 60 in reverse order."""
    for i in range(N_TRAIN + N_TEST):
        image(usps / images / f"{i:05}.png", i)
    rows = [f"{i:05}.png,{i % 10}\n" for i in range(N_TRAIN + N_TEST)]
    (usps / "train.csv").write_text("image_name,label\n" + "".join(reversed(rows[:N_TRAIN])))
    (usps / "val.csv").write_text("image_name,label\n" + "".join(rows[N_TRAIN:]))


@pytest.fixture
def usps(tmp_path: Path) -> Path:
    make_digits(tmp_path / "usps")
    return tmp_path / "usps"


def read(path: Path, **params: Any) -> ImageDataset:
    return folder.read_classes(path, validate(SetParams, {"source": "folder"} | params), np.random.default_rng(0))


def read_faces(root: Path, identity: FaceIdentity = "prefix") -> ImageDataset:
    folder.check_persons(root / "faces", identity)
    return folder.read_persons(root / "faces", identity, np.random.default_rng(0))


def values(dataset: ImageDataset) -> list[int]:
    return dataset.images[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("images", [".", "data"])
def test_images_meet_their_labels_and_splits(tmp_path: Path, images: str) -> None:
    make_digits(tmp_path / "svhn", images)
    dataset = read(tmp_path / "svhn")
    assert tuple(dataset.images.shape) == (80, 1, 4, 4) and dataset.description == "images of a folder svhn/"
    assert values(dataset) == [*reversed(range(N_TRAIN)), *range(N_TRAIN, N_TRAIN + N_TEST)]
    assert dataset.labels.tolist() == [value % 10 for value in values(dataset)]
    assert values(dataset.part("test")) == list(range(N_TRAIN, N_TRAIN + N_TEST))
    assert dataset.part("validation").labels.bincount().tolist() == [1] * 10  # of six each
    assert len(dataset.part("train")) == 50


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("00000.png", r'train\.csv, line 3: label: found "", allowed: a name'),
        ("00000.png, 1", r'train\.csv, line 3: label: found " 1", allowed: a name'),
        ("99999.png,4", r"train\.csv, line 3: .*99999\.png not found"),
        ("00001.png,4", r"line 3: 00001\.png a second time"),
        ('"00000.png,4', r"train\.csv.*"),
    ],
)
def test_a_bad_row_is_one_line(usps: Path, row: str, message: str) -> None:
    (usps / "train.csv").write_text(f"image_name,label\n00001.png,1\n{row}\n")
    with pytest.raises(DataError, match=message) as error:
        read(usps)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"columns None, allowed: image_name, label"),
        (b"file,label\n00000.png,1\n", r"columns \['file', 'label'\], allowed"),
        (b"image_name,label\n", "no images in it"),
        (b"image_name,label\n\xff\xfe.png,1\n", "cannot be read as CSV: .*utf-8"),
        (b"image_name,label\n" + b"x" * 200_000 + b",1\n", "cannot be read as CSV: field larger"),
    ],
)
def test_an_unreadable_csv_is_one_line(usps: Path, content: bytes, message: str) -> None:
    (usps / "val.csv").write_bytes(content)
    with pytest.raises(DataError, match=rf"val\.csv.*{message}"):
        read(usps)


def test_an_image_of_both_lists_is_a_leak(usps: Path) -> None:
    with (usps / "val.csv").open("a") as file:
        file.write("00007.png,7\n")
    with pytest.raises(DataError, match=r"val\.csv: 00007\.png is in train\.csv too"):
        read(usps)


@pytest.mark.parametrize("break_it", [lambda d: d.rename(d.with_name("x")), lambda d: (d / "train.csv").unlink()])
def test_what_is_missing_is_named_before_anything_is_read(usps: Path, break_it: Callable[[Path], None]) -> None:
    break_it(usps)
    with pytest.raises(DataError, match=r"usps(: no such folder|/train\.csv: not found)$"):
        read(usps)


def test_no_person_is_in_two_splits(tmp_path: Path) -> None:
    for person in range(20):
        for picture in range(5):
            image(tmp_path / f"faces/video/{person:03}_{picture:05}.jpg", 10 * person + 5)
    dataset = read_faces(tmp_path)
    assert tuple(dataset.images.shape) == (100, 1, 4, 4) and (dataset.labels == 0).all()
    people = [{value // 10 for value in values(dataset.part(split))} for split in SPLITS]
    assert sum(map(len, people)) == 20 and set.union(*people) == set(range(20))


def test_frames_of_one_person_cannot_be_split(tmp_path: Path) -> None:
    """The line names the parameter and the values with which they can."""
    for i in range(30):
        image(tmp_path / f"faces/img_{i:05}.png", i)
    with pytest.raises(DataError, match=r"faces: found 1 .*img_00000\.png.*persons: prefix.*folder.*file"):
        read_faces(tmp_path)
    assert [len(read_faces(tmp_path, "file").part(split)) for split in SPLITS] == [24, 3, 3]


def test_persons_by_their_folders(tmp_path: Path) -> None:
    for person in range(10):
        for picture in range(4):
            image(tmp_path / f"faces/{person}/{picture}.png", 10 * person)
    for identity in get_args(FaceIdentity):
        dataset = read_faces(tmp_path, identity)
        people = [{value // 10 for value in values(dataset.part(split))} for split in SPLITS]
        shared = sum(map(len, people)) - len(set.union(*people))
        assert (shared == 0) == (identity == "folder")


def test_images_that_no_csv_lists_are_counted(usps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.png", "b.JPG"):
        image(usps / name, 0)
    (usps / "notes.txt").touch()
    assert len(read(usps)) == N_TRAIN + N_TEST
    assert re.search(r"usps: 2 images .*\ba\.png", capsys.readouterr().err)
