"""MNIST-M blending against integer arithmetic, and that nothing leaks between splits."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from difflab.data.mnistm import blend, blend_splits, random_patches


@given(arrays(np.uint8, (2, 3, 3)), arrays(np.uint8, (2, 3, 3, 3)))
def test_blend_is_the_absolute_difference(digits: np.ndarray, patches: np.ndarray) -> None:
    assert (blend(digits, patches) == np.abs(patches.astype(int) - digits.astype(int)[..., None])).all()


def coordinates(height: int, width: int, blue: int = 0) -> np.ndarray:
    """A photograph whose red is the row and whose green is the column."""
    photo = np.full((height, width, 3), blue, dtype=np.uint8)
    photo[..., 0], photo[..., 1] = np.indices((height, width))
    return photo


def test_patches_are_windows_at_uniform_places_of_uniform_photos() -> None:
    photos = [coordinates(8, 6, blue=1), coordinates(5, 9, blue=2)]
    patches = random_patches(photos, 6000, 5, np.random.default_rng(0)).astype(int)
    corner = patches[:, 0, 0]
    rows, columns = np.indices((5, 5))
    assert (patches[..., 0] == corner[:, None, None, 0] + rows).all()
    assert (patches[..., 1] == corner[:, None, None, 1] + columns).all()
    assert (patches[..., 2] == corner[:, None, None, 2]).all()
    places, counts = np.unique(corner, axis=0, return_counts=True)
    assert len(places) == 4 * 2 + 1 * 5  # every place of both photographs, the last row and column too
    first = places[:, 2] == 1
    assert np.abs(counts[first] / 6000 - 1 / 16).max() < 0.015 and np.abs(counts[~first] / 6000 - 1 / 10).max() < 0.02


@given(st.lists(st.integers(0, 2), min_size=1, max_size=40), st.integers(1, 3))
def test_a_digit_meets_photos_of_its_own_split_only(splits: list[int], candidates: int) -> None:
    photos = [[np.full((6, 6, 3), 10 * split + i, dtype=np.uint8) for i in range(3)] for split in range(3)]
    digits = np.zeros((len(splits), 4, 4), dtype=np.uint8)
    blended = blend_splits(digits, np.array(splits, np.uint8), photos, np.random.default_rng(0), candidates)
    assert blended.shape == (len(splits), 3, 4, 4)
    assert (blended // 10 == np.array(splits)[:, None, None, None]).all()


def test_of_several_candidates_the_clearest_is_taken() -> None:
    photos = [[np.full((4, 4, 3), value, dtype=np.uint8) for value in (128, 100, 20, 250)]] * 3
    digits, splits = np.zeros((4000, 4, 4), dtype=np.uint8), np.zeros(4000, dtype=np.uint8)
    blended = blend_splits(digits, splits, photos, np.random.default_rng(0), candidates=3)[:, 0, 0, 0]
    shares = [(blended == value).mean() for value in (128, 100, 20, 250)]  # from the greyest to the clearest
    assert np.abs(np.array(shares) - np.diff(np.arange(5) ** 3) / 64).max() < 0.03
