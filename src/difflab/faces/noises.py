"""Where faces start: the first noises of the bank, or files."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from difflab.params import FaceSamplingParams
from difflab.sampling.noise import bank_generators
from difflab.saved import read_saved, refusal, unfit


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
