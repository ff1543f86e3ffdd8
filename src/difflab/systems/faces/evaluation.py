"""What is measured of faces: how far images lie apart, and what is lost on a path from one to another.

Images are (H, W, 3) float64 of 0 to 255.
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


def contrast(image: NDArray) -> float:
    """Standard deviation over pixels and channels."""
    return float(image.std())


def sharpness(image: NDArray) -> float:
    """Mean length of the gradient of the mean of the channels: what blur lowers."""
    return float(np.hypot(*np.gradient(image.mean(2))).mean())


def norm_deviation(noises: NDArray) -> float:
    """How far a norm of `noises` (K, …) is at most from the line between the first and the last, relative to it."""
    norms = np.linalg.norm(noises.reshape(len(noises), -1).astype(np.float64), axis=1)
    return float(np.abs(norms / np.linspace(norms[0], norms[-1], len(norms)) - 1).max())


def measures_of_middles(middles: Mapping[str, NDArray], ends: NDArray) -> dict[str, dict[str, float]]:
    """Contrast and sharpness half way between P pairs of images, as shares of the mean of a pair.

    `middles` (P, H, W, 3) by path, `ends` (P, 2, H, W, 3). For each path the mean over the pairs; `least_difference` is
    that of slerp and lerp in the pair where it is least.
    """
    measured = {}
    for name, measure in (("contrast", contrast), ("sharpness", sharpness)):
        of_ends = [(measure(first) + measure(last)) / 2 for first, last in ends]
        shares = {path: np.array([measure(image) for image in images]) / of_ends for path, images in middles.items()}
        means = {path: float(values.mean()) for path, values in shares.items()}
        measured[name] = means | {"least_difference": float((shares["slerp"] - shares["lerp"]).min())}
    return measured


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
