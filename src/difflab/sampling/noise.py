"""The noise bank: everything random about image i of a run comes from a generator of its own."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch


def bank_generators(seed: int, images: Iterable[int]) -> list[torch.Generator]:
    """One CPU generator for each image number: its first draw is the starting noise, what follows the step noises.

    An image depends on (seed, i) alone, not on batch size, device count or order. Its generator's seed is h(seed) + i
    modulo 2³², h being NumPy's SeedSequence: PyTorch's CPU generator reads only 32 bits of a seed, so that hashing i as
    well would give two of 10,000 images the same noise in one run out of a hundred.
    """
    (start,) = np.random.SeedSequence(seed).generate_state(1, np.uint32)
    return [torch.Generator().manual_seed((int(start) + i) % 2**32) for i in images]
