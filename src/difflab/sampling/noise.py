"""Where images start: a noise bank in which all that is random about image i has a generator of its own, or files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from difflab.params import FaceSamplingParams
from difflab.saved import read_saved, refusal, unfit


def bank_generators(seed: int, images: Iterable[int]) -> list[torch.Generator]:
    """One CPU generator for each image number: its first draw is the starting noise, what follows the step noises.

    An image depends on (seed, i) alone, not on batch size, device count or order. Its generator's seed is h(seed) + i
    modulo 2³², h being NumPy's SeedSequence: PyTorch's CPU generator reads only 32 bits of a seed, so that hashing i as
    well would give two of 10,000 images the same noise in one run out of a hundred.
    """
    (start,) = np.random.SeedSequence(seed).generate_state(1, np.uint32)
    return [torch.Generator().manual_seed((int(start) + i) % 2**32) for i in images]


def starting_noises(params: FaceSamplingParams, size: int) -> Tensor:
    """(num_noises, 3, size, size): of the files that `params` names, or the first of the noise bank.

    Raises UserError where a file is missing or holds anything but one such noise.
    """
    if params.noises:
        return torch.cat([_load_noise(file, size) for file in noise_files(params)])
    generators = bank_generators(params.seed, range(params.num_noises))
    return torch.stack([torch.randn(3, size, size, generator=generator) for generator in generators])


def noise_files(params: FaceSamplingParams) -> list[Path]:
    """00.pt, 01.pt, … of the folder of starting noises, if `params` names one."""
    return [Path(params.noises, f"{number:02d}.pt") for number in range(params.num_noises)] if params.noises else []


def _load_noise(file: Path, size: int) -> Tensor:
    place, shape = f"faces.sampling.noises: {file}", (1, 3, size, size)
    noise = read_saved(file, place)
    problem = unfit(noise)
    if not problem and noise.shape != shape:
        problem = f"shape {tuple(noise.shape)}"
    if problem:
        raise refusal(place, problem, f"finite floating-point numbers of shape {shape}")
    return noise.float()
