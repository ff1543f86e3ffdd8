"""F1 of edges, against closed forms."""

import numpy as np
import pytest

from difflab.evaluation.edges import edge_f1, edges


def square(size: int, left: int, color: tuple[int, int, int] = (255, 255, 255)) -> np.ndarray:
    image = np.zeros((size, size, 3), dtype=np.uint8)
    image[size // 4 : 3 * size // 4, left : left + size // 2] = color
    return image


def test_a_square_has_its_outline():
    """Both sides of a step are as steep, so an edge lies on one of them or on both."""
    found = np.argwhere(edges(square(64, 16)))
    assert set(found.min(0)) <= {15, 16} and set(found.max(0)) <= {47, 48}
    assert 4 * 28 < len(found) < 2 * 4 * 36


def test_edges_of_any_channel_count():
    """Red and green of one luma, 0.299 · 255 = 0.587 · 130, touch where gray has no edge."""
    image = square(64, 16, (0, 130, 0))
    image[image.sum(2) == 0] = (255, 0, 0)
    assert edges(image).sum() > 4 * 28


@pytest.mark.parametrize(("shift", "expected"), [(0, 1.0), (1, 1.0), (8, 0.5)])
def test_moved_lines(shift, expected):
    """Of two lines one stays and one moves: within the tolerance of one pixel all is found, beyond it a half."""
    real, sample = np.zeros((2, 32, 32), dtype=bool)
    real[:, [4, 12]] = True
    sample[:, [4, 12 + shift]] = True
    assert edge_f1(sample, real) == pytest.approx(expected)


def test_more_edges_than_asked_for_cost_precision():
    """All 32 columns against one: three of them are within a pixel of it, so P = 3 / 32, R = 1."""
    real, sample = np.zeros((32, 32), dtype=bool), np.ones((32, 32), dtype=bool)
    real[:, 9] = True
    assert edge_f1(sample, real) == pytest.approx(2 * (3 / 32) / (3 / 32 + 1))


def test_images_without_edges():
    none, some = np.zeros((16, 16), dtype=bool), np.eye(16, dtype=bool)
    assert edge_f1(none, none) == 1
    assert edge_f1(some, none) == edge_f1(none, some) == 0


def test_the_tolerance_grows_with_the_image():
    """Of 1024 pixels a side: 0.0075 · 1448 = 10.9."""
    real, sample = np.zeros((2, 1024, 1024), dtype=bool)
    real[:, 100], sample[:, 110] = True, True
    assert edge_f1(sample, real) == 1
    assert edge_f1(np.roll(sample, 1, axis=1), real) == 0
