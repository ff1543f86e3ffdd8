"""MNIST-M: digits blended into photographs [Ganin et al. 2016, "Domain-adversarial training of neural networks"]."""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.random import Generator
from numpy.typing import NDArray
from tqdm import tqdm

from difflab.data.dataset import SPLITS

Images = NDArray[np.uint8]


def blend_splits(
    digits: Images,
    splits: NDArray[np.uint8],
    photos: Sequence[Sequence[Images]],
    generator: Generator,
    candidates: int = 1,
) -> Images:
    """Blend each digit with a random patch from the photographs of its split: (N, 3, S, S) uint8.

    `digits` (N, S, S) uint8; `splits` (N,) indices into SPLITS; `photos[split]` a list of (H, W, 3) uint8. Of
    `candidates` random patches, the one farthest from mid-gray is used: on mid-gray, |patch − digit| hides the digit.
    """
    n, size, _ = digits.shape
    blended = np.empty((n, size, size, 3), dtype=np.uint8)
    for index in range(len(SPLITS)):
        members = np.flatnonzero(splits == index)
        patches = random_patches(photos[index], len(members), size, generator)
        for _ in range(candidates - 1):
            others = random_patches(photos[index], len(members), size, generator)
            clearer = _contrast(others) > _contrast(patches)
            patches[clearer] = others[clearer]
        blended[members] = blend(digits[members], patches)
    return blended.transpose(0, 3, 1, 2)


def random_patches(photos: Sequence[Images], n: int, size: int, generator: Generator) -> Images:
    """(n, size, size, 3) patches at uniform positions in uniformly chosen `photos`, each (H, W, 3) with H, W ≥ size."""
    patches = np.empty((n, size, size, 3), dtype=np.uint8)
    photo_of = generator.integers(len(photos), size=n)
    for index, photo in enumerate(tqdm(photos, desc="blending photographs", delay=2)):
        members = np.flatnonzero(photo_of == index)
        windows = sliding_window_view(photo, (size, size), axis=(0, 1))  # (H', W', 3, size, size), no copy
        rows = generator.integers(windows.shape[0], size=len(members))
        columns = generator.integers(windows.shape[1], size=len(members))
        patches[members] = windows[rows, columns].transpose(0, 2, 3, 1)
    return patches


def blend(digits: Images, patches: Images) -> Images:
    """|patch − digit| in each channel: (N, S, S) digits and (N, S, S, 3) patches → (N, S, S, 3)."""
    digits = digits[..., np.newaxis]
    return np.maximum(patches, digits) - np.minimum(patches, digits)  # patches − digits would wrap in uint8


def _contrast(patches: Images) -> NDArray[np.float64]:
    """(N,) mean difference, 0-255, between a patch and the patch inverted by a full stroke."""
    return np.abs(255 - 2 * patches.astype(np.int16)).mean(axis=(1, 2, 3))
