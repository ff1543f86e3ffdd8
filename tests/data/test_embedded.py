"""Embedded stand-ins: no leaks between splits or data sets, and each resembles the data set that it replaces."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from difflab.config.data import EmbeddedParams
from difflab.data import embedded
from difflab.data.dataset import SPLITS

PARAMS = EmbeddedParams(copies_per_digit=2, street_numbers=200)


def optical_digits() -> tuple[np.ndarray, np.ndarray]:
    """(1797, 8, 8) ink in 0-16 and (1797,) labels."""
    ink, labels = (np.asarray(array) for array in load_digits(return_X_y=True))
    return ink.reshape(-1, 8, 8), labels


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_mnist_and_usps_take_all_digits_once() -> None:
    once = EmbeddedParams(copies_per_digit=1, street_numbers=200)
    mnist, usps = embedded.mnist(once, generator()), embedded.usps(once, generator())
    assert mnist.labels.tolist() + usps.labels.tolist() == optical_digits()[1].tolist()
    assert tuple(mnist.images.shape[1:]) == (1, 28, 28) and tuple(usps.images.shape[1:]) == (1, 16, 16)
    assert "standing in for MNIST" in mnist.description and "standing in for USPS" in usps.description


def test_digits_are_drawn_where_they_are() -> None:
    """USPS fills the frame: averaging 2×2 pixels gives the 8×8 ink back. MNIST has a margin of 2 pixels."""
    once = EmbeddedParams(copies_per_digit=1, street_numbers=200)
    usps, mnist = embedded.usps(once, generator()), embedded.mnist(once, generator())
    ink = optical_digits()[0] * 255 / 16
    coarse = usps.images[:, 0].numpy().reshape(-1, 8, 2, 8, 2).mean(axis=(2, 4))
    correlation = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(coarse, ink[1287:], strict=True)]
    assert min(correlation) > 0.97
    still = mnist.splits != 0  # training digits are moved
    middle = mnist.images[still, 0, 2:26, 2:26].numpy().reshape(-1, 8, 3, 8, 3).mean(axis=(2, 4))
    correlation = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(middle, ink[:1287][still], strict=True)]
    assert min(correlation) > 0.9
    margin = mnist.images[still].clone()
    margin[:, :, 2:26, 2:26] = 0
    assert margin.float().mean() < 1


def test_mnistm_images_show_their_digit_on_a_photo() -> None:
    mnistm, mnist = embedded.mnistm(PARAMS, generator()), embedded.mnist(PARAMS, generator())
    assert tuple(mnistm.images.shape[1:]) == (3, 28, 28)
    images, ink = mnistm.part("test").images.float(), mnist.part("test").images[:, 0]
    on, off = ink > 250, ink == 0
    contrast = np.array(
        [
            (image[:, stroke].mean(dim=1) - image[:, around].mean(dim=1)).abs().max()
            for image, stroke, around in zip(images, on, off, strict=True)
        ]
    )
    assert (contrast > 40).mean() > 0.97
    assert images.std(dim=1).mean() > 10  # in color


def test_parts_of_a_photo_share_no_pixel() -> None:
    photos = [photo for split in embedded.photo_regions() for photo in split]
    assert len(photos) == 3 * len(embedded.PHOTOS) and min(min(photo.shape[:2]) for photo in photos) >= 28
    photo = generator().integers(0, 256, size=(90, 300, 3), dtype=np.uint8)
    regions = embedded.cut(photo)
    for index in range(len(SPLITS)):
        other = generator(1).integers(0, 256, size=photo.shape, dtype=np.uint8)
        start, stop = [(0, 180), (180, 240), (240, 300)][index]
        other[:, start:stop] = photo[:, start:stop]
        assert [(a == b).all() for a, b in zip(regions, embedded.cut(other), strict=True)] == [
            index == i for i in range(3)
        ]


def test_svhn_has_every_digit_equally_often_in_every_split() -> None:
    svhn = embedded.svhn(PARAMS, generator())
    assert tuple(svhn.images.shape) == (200, 3, 32, 32)
    for split, n in zip(SPLITS, (14, 2, 4), strict=True):
        assert svhn.part(split).labels.bincount().tolist() == [n] * 10


def test_faces_are_the_hundred_of_lfw() -> None:
    from skimage.data import lfw_subset

    faces = embedded.faces(PARAMS, generator())
    assert tuple(faces.images.shape) == (100, 1, 25, 25) and (faces.labels == 0).all()
    assert np.abs(faces.images[:, 0].numpy() / 255 - lfw_subset()[:100]).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("name", ["mnist", "mnistm", "svhn", "usps", "faces"])
def test_the_seed_alone_decides(name: str) -> None:
    first, again, other = (getattr(embedded, name)(PARAMS, generator(seed)) for seed in (0, 0, 1))
    assert first.images.equal(again.images) and first.splits.equal(again.splits)
    assert not first.splits.equal(other.splits)
