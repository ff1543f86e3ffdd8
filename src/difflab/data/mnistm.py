"""MNIST-M: digits blended into photographs [Ganin et al. 2016, "Domain-adversarial training of neural networks"]."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.random import Generator
from numpy.typing import NDArray
from tqdm import tqdm

Images = NDArray[np.uint8]


def random_patches(photos: Sequence[Images], n: int, size: int, generator: Generator) -> Images:
    """(n, size, size, 3) patches at uniform places of uniformly drawn `photos`, each (H, W, 3) with H, W ≥ size."""
    patches = np.empty((n, size, size, 3), dtype=np.uint8)
    photo_of = generator.integers(len(photos), size=n)
    for index, photo in enumerate(tqdm(photos, desc="photographs", leave=False, delay=2)):
        members = np.flatnonzero(photo_of == index)
        windows = sliding_window_view(photo, (size, size), axis=(0, 1))  # (H', W', 3, size, size), no copy
        rows = generator.integers(windows.shape[0], size=len(members))
        columns = generator.integers(windows.shape[1], size=len(members))
        patches[members] = windows[rows, columns].transpose(0, 2, 3, 1)
    return patches


def blend(digits: Images, patches: Images) -> Images:
    """|patch − digit| in each channel: (N, S, S) digits and (N, S, S, 3) patches → (N, S, S, 3)."""
    digits = digits[..., np.newaxis]
    return np.maximum(patches, digits) - np.minimum(patches, digits)  # the difference itself would wrap in uint8
