"""The published data sets, if DIFFLAB_DATA_ROOT names a folder with them, compared with their files and sizes."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from difflab.config.data import DataParams
from difflab.config.load import load_section
from difflab.data.dataset import SPLITS, ImageDataset
from difflab.data.folder import held_out_persons
from difflab.data.image_files import find_images
from difflab.data.sources import read
from tests.factories import ROOT

# http://www.gaussianprocess.org/gpml/data: digits 0 to 9 of the training and the test images.
USPS_TRAIN = [1194, 1005, 731, 658, 652, 556, 664, 645, 542, 644]
USPS_TEST = [359, 264, 198, 166, 200, 160, 170, 147, 166, 177]


def data_root(*parts: str) -> Path:
    root = Path(os.environ.get("DIFFLAB_DATA_ROOT", "."))
    if missing := [part for part in parts if not (root / part).exists()]:
        pytest.skip(f"DIFFLAB_DATA_ROOT names no folder with {missing[0]} in it")
    return root


def read_set(root: Path, name: str, **values: Any) -> ImageDataset:
    params = load_section(DataParams, "data", ROOT / "params.yaml")
    one = params.sets[name].model_copy(update=values)
    return read(name, params.model_copy(update={"root": str(root), "sets": params.sets | {name: one}}))


def idx(file: Path, header: int) -> np.ndarray:
    return np.frombuffer(file.read_bytes()[header:], dtype=np.uint8)


def test_mnist_and_its_blend():
    root = data_root("torchvision/MNIST/raw", "photos")
    raw = root / "torchvision/MNIST/raw"
    mnist = read_set(root, "mnist", source="torchvision/MNIST")
    test = mnist.part("test")
    train, validation, _ = (len(mnist.part(split)) for split in SPLITS)
    assert train + validation == 60000 and validation == pytest.approx(6000, abs=10)  # a tenth of each digit
    assert (test.images.numpy().ravel() == idx(raw / "t10k-images-idx3-ubyte", 16)).all()
    assert (test.labels.numpy() == idx(raw / "t10k-labels-idx1-ubyte", 8)).all()
    counts = np.bincount(idx(raw / "train-labels-idx1-ubyte", 8), minlength=10)
    in_training = np.bincount(mnist.labels[:60000].numpy(), minlength=10)
    assert (in_training == counts).all()
    blended = read_set(root, "mnistm", source="blended/MNIST")
    assert blended.images.shape == (70000, 3, 28, 28)
    assert (blended.labels == mnist.labels).all() and (blended.splits == mnist.splits).all()
    # |patch − digit|: ink shows the negative of the photographs.
    ink, pixels = (dataset.images.numpy() for dataset in (mnist, blended))
    on_paper, on_ink = (pixels[np.broadcast_to(ink == value, pixels.shape)].mean() for value in (0, 255))
    assert on_ink == pytest.approx(255 - on_paper, abs=3) and on_ink > on_paper + 10


def test_usps():
    root = data_root("torchvision/usps.bz2", "torchvision/usps.t.bz2")
    usps = read_set(root, "usps", source="torchvision/USPS")
    test = usps.splits == SPLITS.index("test")
    assert np.bincount(usps.labels[~test].numpy()).tolist() == USPS_TRAIN
    assert np.bincount(usps.labels[test].numpy()).tolist() == USPS_TEST
    assert usps.images.shape == (9298, 1, 16, 16)


def test_no_person_is_in_training_and_held_out():
    root = data_root("faces/youtube_colour") / "faces"
    faces = read_set(root, "faces", source="folder", path="youtube_colour")
    paths = find_images(root / "youtube_colour")
    held_out = held_out_persons(root / "youtube_colour", "prefix", np.random.default_rng(0))
    persons = [{path.stem.partition("_")[0] for path in part} for part in (set(paths) - set(held_out), held_out)]
    assert faces.images.shape == (3650, 3, 64, 64) and len(faces.held_out()) == len(held_out)
    assert len(persons[0] | persons[1]) == 346 and not persons[0] & persons[1]
    assert len(persons[1]) == pytest.approx(0.2 * 346, abs=2)
