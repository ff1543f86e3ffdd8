"""Rendered house numbers: the label is the clearly legible digit in the middle."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from difflab.data.street_numbers import render


@pytest.fixture(scope="module")
def numbers() -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(2200) % 10
    return render(labels, np.random.default_rng(0)), labels


def test_shape_and_seed(numbers: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = numbers
    assert images.shape == (2200, 3, 32, 32) and images.dtype == np.uint8
    assert (render(labels, np.random.default_rng(0)) == images).all()
    assert (render(labels, np.random.default_rng(1)) != images).any()


def test_digits_stand_out_from_their_plate(numbers: tuple[np.ndarray, np.ndarray]) -> None:
    middle = numbers[0][:, :, 6:26, 6:26].astype(float).mean(axis=1).reshape(2200, -1)
    assert (np.ptp(middle, axis=1) > 60).all()


def test_the_middle_digit_is_the_label(numbers: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = numbers
    grey = images[:, :, 3:29, 6:26].astype(float).mean(axis=1).reshape(2200, -1)
    grey -= grey.mean(axis=1, keepdims=True)
    grey /= grey.std(axis=1, keepdims=True)
    both = np.concatenate([grey[:2000], -grey[:2000]])  # light on dark and dark on light
    nearest = KNeighborsClassifier(1).fit(both, np.tile(labels[:2000], 2))
    assert nearest.score(grey[2000:], labels[2000:]) > 0.9
