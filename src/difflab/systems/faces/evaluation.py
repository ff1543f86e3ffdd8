"""Metrics of faces: distances between images, and the loss of contrast and sharpness on paths between two images.

Images are (H, W, 3) float64 in 0-255.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from difflab.data.image_files import find_images, say
from difflab.data.images import read_equal_sizes
from difflab.errors import UserError

MEASURES = {
    "distance": "root mean squared error of pixels and channels, 0-255, of the PNGs",
    "contrast": "standard deviation of pixels and channels, 0-255",
    "sharpness": "mean length of the gradient of the mean of the channels, 0-255, by central differences",
    "middles": "half way between two of the first four starting noises, all pairs; as shares of the mean of the ends",
}


def read_images(files: Sequence[str | Path]) -> NDArray[np.float64]:
    """Read images of one size: (N, H, W, 3). Raises DataError if one cannot be read or differs in size."""
    return read_equal_sizes(files).astype(np.float64)


def mean_squared_error(a: NDArray, b: NDArray) -> float:
    """Mean squared error over pixels and channels, in squared 8-bit levels."""
    return float(np.mean((a - b) ** 2))


def distance(a: NDArray, b: NDArray) -> float:
    """Root mean squared error over pixels and channels, 0-255."""
    return mean_squared_error(a, b) ** 0.5


def measures_of_eta(images: NDArray, deterministic: NDArray) -> dict[str, float]:
    """Compare `images` (seeds, noises, H, W, 3) of one η with those of η = 0, `deterministic` (noises, H, W, 3).

    `distance_from_eta_0` is the mean distance between images from the same starting noise; `diversity`, with at least
    two seeds, the mean distance between images of two seeds from the same starting noise.
    """
    pairs = [(image, deterministic[noise]) for seed in images for noise, image in enumerate(seed)]
    measures = {"distance_from_eta_0": float(np.mean([distance(*pair) for pair in pairs]))}
    if len(images) > 1:
        pairs = [pair for seeds in images.swapaxes(0, 1) for pair in combinations(seeds, 2)]
        measures["diversity"] = float(np.mean([distance(*pair) for pair in pairs]))
    return measures


def contrast(image: NDArray) -> float:
    """Standard deviation over pixels and channels, in 8-bit levels."""
    return float(image.std())


def sharpness(image: NDArray) -> float:
    """Mean gradient magnitude of the channel mean, in levels per pixel; blur reduces it."""
    return float(np.hypot(*np.gradient(image.mean(2))).mean())


def norm_deviation(noises: NDArray) -> float:
    """Maximum relative deviation of the norms of `noises` (K, …) from the line between the first and the last norm."""
    norms = np.linalg.norm(noises.reshape(len(noises), -1).astype(np.float64), axis=1)
    return float(np.abs(norms / np.linspace(norms[0], norms[-1], len(norms)) - 1).max())


def measures_of_middles(middles: Mapping[str, NDArray], ends: NDArray) -> dict[str, dict[str, float]]:
    """Contrast and sharpness halfway between P pairs of images, relative to the mean of the pair.

    `middles`: (P, H, W, 3) by path; `ends`: (P, 2, H, W, 3). Returns the mean over pairs for each path;
    `least_difference` is the smallest difference, slerp minus lerp, over pairs.
    """
    measured = {}
    for name, measure in (("contrast", contrast), ("sharpness", sharpness)):
        of_ends = [(measure(first) + measure(last)) / 2 for first, last in ends]
        shares = {path: np.array([measure(image) for image in images]) / of_ends for path, images in middles.items()}
        means = {path: float(values.mean()) for path, values in shares.items()}
        measured[name] = means | {"least_difference": float((shares["slerp"] - shares["lerp"]).min())}
    return measured


def errors_against(reference: str | Path, files: Sequence[Path]) -> dict[str, float]:
    """Mean squared error between each of `files` and the image of the same name in `reference`, by name, and the sum.

    In squared 8-bit levels. Raises UserError as `reference_images` does, or if two images differ in size.
    """
    errors = {}
    for file, theirs in zip(files, reference_images(reference, [file.stem for file in files]), strict=True):
        errors[file.stem] = mean_squared_error(*read_images([file, theirs]))
    return errors | {"sum": math.fsum(errors.values())}


def reference_images(folder: str | Path, names: Sequence[str]) -> list[Path]:
    """The image file below `folder` for each name without suffix; a line on stderr counts images with other names.

    Raises UserError when an image is missing or a name occurs twice.
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
