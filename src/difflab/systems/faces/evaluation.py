"""What is measured of faces: how far images lie apart, and how evenly a path through them goes.

Images are (H, W, 3) float64 of 0 to 255.
"""

import math
from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from difflab.data.image_files import find_images, say
from difflab.data.images import read_equal_sizes
from difflab.errors import UserError

MEASURES = {
    "distance": "root mean squared error of pixels and channels, 0-255, of the PNGs",
    "step": "1 - SSIM of neighbouring images (Wang et al. 2004: Gaussian window, sigma 1.5, 11 pixels)",
    "contrast": "standard deviation of pixels and channels, 0-255",
}


def read_images(files: Sequence[str | Path]) -> NDArray[np.float64]:
    """(N, H, W, 3). Raises DataError where one is missing, no image, or of another size than the first."""
    return read_equal_sizes(files).astype(np.float64)


def mean_squared_error(a: NDArray, b: NDArray) -> float:
    """Over pixels and channels."""
    return float(np.mean((a - b) ** 2))


def distance(a: NDArray, b: NDArray) -> float:
    """Root of the mean squared error."""
    return mean_squared_error(a, b) ** 0.5


def measures_of_eta(images: NDArray, deterministic: NDArray) -> dict[str, float]:
    """Of `images` (seeds, noises, H, W, 3) of one η, and those of η = 0, `deterministic` (noises, H, W, 3).

    `distance_from_eta_0`: the mean distance from the image of the same noise; `diversity`, with two seeds or more: the
    mean distance between two seeds at one noise.
    """
    pairs = [(image, deterministic[noise]) for seed in images for noise, image in enumerate(seed)]
    measures = {"distance_from_eta_0": float(np.mean([distance(*pair) for pair in pairs]))}
    if len(images) > 1:
        pairs = [pair for seeds in images.swapaxes(0, 1) for pair in combinations(seeds, 2)]
        measures["diversity"] = float(np.mean([distance(*pair) for pair in pairs]))
    return measures


def perceptual_steps(images: NDArray) -> list[float]:
    """1 − SSIM between each of `images` and the next: 0 for equal ones.

    SSIM is the mean structural similarity of Wang et al. 2004 (IEEE Transactions on Image Processing 13, p. 600), the
    mean of three channels, with its Gaussian window of 11 pixels, σ = 1.5. Images have 11 pixels a side at least.
    """
    from skimage.metrics import structural_similarity

    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    similarities: list[Any] = [
        structural_similarity(a, b, data_range=255, channel_axis=2, **window) for a, b in pairwise(images)
    ]
    return [1 - float(similarity) for similarity in similarities]


def measures_of_path(images: NDArray, noises: NDArray) -> dict[str, float]:
    """Of the `images` (K, H, W, 3) along a path, and the `noises` (K, …) that they started from.

    `norm_deviation`: how far a noise's norm is at most from the straight line between those of the ends, relative to
    it. `mean_step`, `largest_step`: of `perceptual_steps`; `contrast_in_the_middle`: that of the middle image as a
    share of the ends' mean.
    """
    norms = np.linalg.norm(noises.reshape(len(noises), -1).astype(np.float64), axis=1)
    line = np.linspace(norms[0], norms[-1], len(norms))
    steps = perceptual_steps(images)
    return {
        "norm_deviation": float(np.abs(norms / line - 1).max()),
        "mean_step": float(np.mean(steps)),
        "largest_step": max(steps),
        "contrast_in_the_middle": float(2 * images[len(images) // 2].std() / (images[0].std() + images[-1].std())),
    }


def errors_against(reference: str | Path, files: Sequence[Path]) -> dict[str, float]:
    """Mean squared error, 0-255, of each of `files` and the image of its name in `reference`, by name, and their sum.

    Raises UserError as `reference_images` does, or where one has another size.
    """
    errors = {}
    for file, theirs in zip(files, reference_images(reference, [file.stem for file in files]), strict=True):
        errors[file.stem] = mean_squared_error(*read_images([file, theirs]))
    return errors | {"sum": math.fsum(errors.values())}


def reference_images(folder: str | Path, names: Sequence[str]) -> list[Path]:
    """The image of each name, without its suffix, below `folder`; those of other names are not used, as stderr says.

    Raises UserError where one is missing, or two have a name.
    """
    found: dict[str, list[Path]] = {}
    for path in find_images(folder):
        found.setdefault(path.stem, []).append(path)
    for name in names:
        if len(paths := found.get(name, [])) != 1:
            what = " and ".join(map(str, paths)) or f"no image {name}"
            raise UserError(f"faces.reference: {folder}: found {what}, allowed: one of each of {', '.join(names)}")
    if others := found.keys() - set(names):
        say(f"faces.reference: {folder}: {len(others)} images are not used, because no sample has their names")
    return [found[name][0] for name in names]
