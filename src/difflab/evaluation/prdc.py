"""Nearest neighbors of generated images: precision, recall, density, coverage, and copies of training images."""

# scikit-learn is untyped.
# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances_chunked
from sklearn.neighbors import NearestNeighbors
from torch import Tensor


def manifold_metrics(
    generated: NDArray[np.floating], reference: NDArray[np.floating], nearest_k: int
) -> dict[str, float]:
    """Precision and recall (Kynkäänniemi 2019), density and coverage (Naeem 2020) of features (N, D) against (M, D).

    The ball of an image reaches to its `nearest_k`-th neighbor in the same set. Precision is the share of generated
    images in a ball of the reference; density the average number of such balls divided by `nearest_k`; recall the share
    of the reference in a ball of a generated image; coverage the share of the reference's balls that contain a
    generated image. They depend on N and M, which are equal in both papers.
    """
    reference_radii, generated_radii = (
        NearestNeighbors(n_neighbors=nearest_k).fit(features).kneighbors()[0][:, -1]
        for features in (reference, generated)
    )
    num_balls, covered, recalled, start = np.zeros(len(generated)), 0, 0, 0
    for distances in pairwise_distances_chunked(reference, generated):  # as many rows of the matrix as fit into memory
        inside = distances < reference_radii[start : start + len(distances), None]
        num_balls += inside.sum(0)
        covered += inside.any(1).sum()
        recalled += (distances < generated_radii).any(1).sum()
        start += len(distances)
    return {
        "precision": float((num_balls > 0).mean()),
        "recall": float(recalled / len(reference)),
        "density": float(num_balls.mean() / nearest_k),
        "coverage": float(covered / len(reference)),
    }


def nearest_training_metrics(generated: Tensor, training: Tensor, test: Tensor) -> dict[str, Any]:
    """Detect copies of training images. All images are (N, 3, S, S) uint8; distances are RMS of pixels in 0-255.

    `median` and `median_of_test` are medians of the distance to the nearest training image, for generated and for real
    test images; `share_nearer` is the share of generated images nearer than the 5th percentile of the test images:
    about 0.05 for new images, 1 for copies. `training`: all images that the model was trained on.
    """
    of_generated, of_test = (nearest_distances(images, training) for images in (generated, test))
    return {
        "median": float(np.median(of_generated)),
        "median_of_test": float(np.median(of_test)),
        "share_nearer": float((of_generated < np.percentile(of_test, 5)).mean()),
    }


def nearest_distances(images: Tensor, training: Tensor) -> NDArray[np.float64]:
    """RMS pixel difference, 0-255, of each of `images` (N, 3, S, S) uint8 to the nearest of `training`: (N,) float64.

    scikit-learn computes it in slices, so 10,000 by 60,000 images need little more memory than the images as float32.
    The distance of identical images is exactly 0.
    """
    neighbors = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(training.flatten(1).float().numpy())
    distances, _ = neighbors.kneighbors(images.flatten(1).float().numpy())
    return distances[:, 0] / np.sqrt(images[0].numel())
