"""Manifold metrics against the numbers of the `prdc` package, and nearest images against known pixels."""

import numpy as np
import pytest
import sklearn
import torch

from difflab.evaluation.prdc import manifold_metrics, nearest_distances, nearest_training_metrics


@pytest.mark.parametrize(
    ("nearest_k", "precision", "recall", "density", "coverage"),
    [
        (3, 0.8444444444444444, 0.5666666666666667, 0.8074074074074074, 0.45),
        (5, 0.9111111111111111, 0.6333333333333333, 0.7377777777777779, 0.6),
    ],
)
def test_manifold_metrics_are_those_of_prdc(nearest_k, precision, recall, density, coverage):
    """prdc 0.2 of Naeem et al. on the same features."""
    rng = np.random.default_rng(7)
    reference, generated = rng.standard_normal((60, 5)), 0.6 + 0.8 * rng.standard_normal((45, 5))
    expected = {"precision": precision, "recall": recall, "density": density, "coverage": coverage}
    assert manifold_metrics(generated, reference, nearest_k) == pytest.approx(expected)
    with sklearn.config_context(working_memory=0.001):  # in slices of a few rows
        assert manifold_metrics(generated, reference, nearest_k) == pytest.approx(expected)


def test_manifold_metrics_of_points_on_a_line():
    """Reference 0, 1, 2, 3, …, 9 with balls of radius 1; generated pairs around 4.5 and far away."""
    reference = np.arange(10.0)[:, None]
    generated = np.array([[4.4], [4.6], [100.0], [100.1]])
    assert manifold_metrics(generated, reference, nearest_k=1) == {
        "precision": 0.5,  # 4.4 and 4.6
        "recall": 0.0,  # balls of radius 0.2 and 0.1 hold no whole number
        "density": pytest.approx((2 + 2) / 4),  # both lie in the balls of 4 and 5
        "coverage": 0.2,
    }


def test_nearest_distance_is_the_root_mean_square_of_pixels():
    training = torch.zeros(3, 3, 4, 4, dtype=torch.uint8)
    training[1], training[2] = 100, 255
    images = torch.full((3, 3, 4, 4), 107, dtype=torch.uint8)
    images[1] = 255
    images[2, 0] = 119  # one channel 19 away, the others 7
    assert nearest_distances(images, training) == pytest.approx([7, 0, np.sqrt((19**2 + 2 * 7**2) / 3)])


def test_copies_are_told_from_new_images():
    generator = torch.Generator().manual_seed(0)
    training, test, new = (
        torch.randint(256, (count, 3, 8, 8), dtype=torch.uint8, generator=generator) for count in (100, 400, 400)
    )
    of_new = nearest_training_metrics(new, training, test)
    assert of_new["share_nearer"] == pytest.approx(0.05, abs=0.03)
    assert of_new["median"] == pytest.approx(of_new["median_of_test"], rel=0.02)
    of_copies = nearest_training_metrics(torch.cat([training[:30], new[:10]]), training, test)
    assert (of_copies["median"], of_copies["share_nearer"]) == (0, pytest.approx(0.75, abs=0.03))
    assert of_copies["median_of_test"] == of_new["median_of_test"]
