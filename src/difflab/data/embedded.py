"""Data from the installed libraries: handwritten digits, photographs and faces, at small sizes.

The digits are scikit-learn's optical digits (UCI, 1,797 of 8×8), stored writer by writer. The replacements for MNIST
and USPS use different writers, so that domain adaptation between them shares neither digits nor writers. Within each,
the splits share writers, but no digits. Every function uses `generator`, first for the splits.
"""

from importlib.resources import files

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import Generator
from numpy.typing import NDArray

from difflab.config.data import EmbeddedParams
from difflab.data.dataset import ImageDataset
from difflab.data.mnistm import blend_splits
from difflab.data.splits import TRAIN, random_splits, stratified_splits

MNIST_WRITERS = slice(0, 1287)  # ten of fourteen writers: each block of about 129 digits starts with 0 1 2 … 9 twice
USPS_WRITERS = slice(1287, None)
VALIDATION, TEST = 0.1, 0.2
PHOTOS = (  # all color photographs in the two packages
    ("sklearn.datasets.images", "china.jpg"),
    ("sklearn.datasets.images", "flower.jpg"),
    ("skimage.data", "astronaut.png"),
    ("skimage.data", "chelsea.png"),
    ("skimage.data", "coffee.png"),
    ("skimage.data", "motorcycle_left.png"),
    ("skimage.data", "rocket.jpg"),
)


def mnist(params: EmbeddedParams, generator: Generator) -> ImageDataset:
    """(N, 1, 28, 28): optical digits in a 24×24 box, with contrast increased to match MNIST's strokes."""
    images, labels, splits = _mnist_digits(params, generator)
    return _dataset(images[:, None], labels, splits, "optical digits (UCI) standing in for MNIST")


def usps(params: EmbeddedParams, generator: Generator) -> ImageDataset:
    """(N, 1, 16, 16): optical digits of other writers, which fill the image and have soft edges, as in USPS."""
    digits, labels = _optical_digits(USPS_WRITERS)
    splits = stratified_splits(labels, VALIDATION, TEST, generator)
    images = _to_bytes(_draw(digits, np.zeros((len(digits), 5)), size=16, box=16))
    return _dataset(images[:, None], labels, splits, "optical digits (UCI) standing in for USPS")


def mnistm(params: EmbeddedParams, generator: Generator) -> ImageDataset:
    """(N, 3, 28, 28): the digits of `mnist` blended with photographs."""
    digits, labels, splits = _mnist_digits(params, generator)
    images = blend_splits(digits, splits, photo_regions(), generator, candidates=3)
    description = "optical digits (UCI) blended with bundled photographs, standing in for MNIST-M"
    return _dataset(images, labels, splits, description)


def svhn(params: EmbeddedParams, generator: Generator) -> ImageDataset:
    """(N, 3, 32, 32): rendered house numbers, with balanced classes."""
    from difflab.data.street_numbers import render

    labels = generator.permutation(np.arange(params.street_numbers) % 10)
    splits = stratified_splits(labels, VALIDATION, TEST, generator)
    return _dataset(render(labels, generator), labels, splits, "rendered house numbers standing in for SVHN")


def faces(params: EmbeddedParams, generator: Generator) -> ImageDataset:
    """(100, 1, 25, 25): the faces of scikit-image's subset of LFW, without classes."""
    from skimage.data import lfw_subset

    images = _to_bytes(torch.from_numpy(lfw_subset()[:100].astype(np.float64) * 255))  # the others are not faces
    splits = random_splits(len(images), VALIDATION, VALIDATION, generator)
    return _dataset(images[:, None], np.zeros(len(images), dtype=np.int64), splits, "100 faces of LFW at 25×25")


def _dataset(images: NDArray, labels: NDArray, splits: NDArray, description: str) -> ImageDataset:
    tensors = (torch.from_numpy(np.ascontiguousarray(array)) for array in (images, labels, splits))
    return ImageDataset(*tensors, description=description)


def _optical_digits(writers: slice) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(N, 8, 8) ink in [0, 1] and (N,) labels."""
    from sklearn.datasets import load_digits

    ink, labels = (np.asarray(array)[writers] for array in load_digits(return_X_y=True))
    return ink.reshape(-1, 8, 8) / 16, labels.astype(np.int64)


def _mnist_digits(
    params: EmbeddedParams, generator: Generator
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint8]]:
    """(N, 28, 28) digits, (N,) labels and splits; each training digit several times, with small random transforms."""
    digits, labels = _optical_digits(MNIST_WRITERS)
    split_of = stratified_splits(labels, VALIDATION, TEST, generator)
    source = np.repeat(np.arange(len(digits)), np.where(split_of == TRAIN, params.copies_per_digit, 1))
    bounds = np.array([0.15, 0.1, 0.1, 0.06, 0.06])  # radians, shear, scale, and shifts in half-widths
    moves = generator.uniform(-bounds, bounds, size=(len(source), 5)) * (split_of[source] == TRAIN)[:, None]
    return _draw_mnist(digits[source], moves), labels[source], split_of[source]


def _draw_mnist(digits: NDArray[np.float64], moves: NDArray[np.float64]) -> NDArray[np.uint8]:
    ink = _draw(digits, moves, size=28, box=24)
    return _to_bytes((ink - 60) * 2.4)  # resized from 8×8, strokes have gray edges; MNIST's are sharp


def _draw(digits: NDArray[np.float64], moves: NDArray[np.float64], size: int, box: int) -> torch.Tensor:
    """Resize and transform ink (N, 8, 8) in [0, 1] to (N, size, size), 0-255 up to overshoot, in a box×box square.

    `moves` (N, 5): angle in radians, shear, scale − 1, and two shifts in half-widths.
    """
    angle, shear, scale, shift_x, shift_y = moves.T
    cos, sin, zoom = np.cos(angle), np.sin(angle), (1 + scale) * size / box
    affine = np.stack([cos, shear - sin, shift_x, sin, cos, shift_y], axis=1) * zoom[:, None]
    source = torch.from_numpy(digits)[:, None]
    grid = F.affine_grid(torch.from_numpy(affine).view(-1, 2, 3), [len(digits), 1, size, size], align_corners=False)
    return F.grid_sample(source, grid, mode="bicubic", align_corners=False)[:, 0] * 255


def _to_bytes(values: torch.Tensor) -> NDArray[np.uint8]:
    return values.clamp(0, 255).round().to(torch.uint8).numpy()


def photo_regions() -> list[list[NDArray[np.uint8]]]:
    """For each split, its part of every photograph in PHOTOS."""
    from PIL import Image

    photos = (np.asarray(Image.open(str(files(package) / name)).convert("RGB")) for package, name in PHOTOS)
    return [list(regions) for regions in zip(*map(cut, photos), strict=True)]


def cut(photo: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Cut a photograph (H, W, 3) by columns, one part for each split; each is then downscaled and blurred on its own.

    So no split has pixels of another.
    """
    from PIL import Image, ImageFilter

    width = photo.shape[1]
    parts = np.split(photo, [round(0.6 * width), round(0.8 * width)], axis=1)
    return [np.asarray(Image.fromarray(part).reduce(3).filter(ImageFilter.GaussianBlur(2))) for part in parts]
