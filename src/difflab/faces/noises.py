"""Where faces start: the first noises of the bank, or files."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from difflab.config.diffusion import FaceSamplingParams
from difflab.diffusion.noise_bank import bank_generators
from difflab.models.safe_loading import only_tensor, read_saved, refusal, unfit

SUFFIXES = (".pt", ".pth", ".npy", ".safetensors")


def starting_noises(params: FaceSamplingParams, size: int) -> Tensor:
    """(num_noises, 3, size, size): of the files that `params` names, or the first of the noise bank.

    Raises UserError where a file is missing or holds anything but one such noise.
    """
    if params.noises:
        return torch.cat([_load_noise(file, size) for file in noise_files(params)])
    generators = bank_generators(params.seed, range(params.num_noises))
    return torch.stack([torch.randn(3, size, size, generator=generator) for generator in generators])


def noise_files(params: FaceSamplingParams) -> list[Path]:
    """00.pt, 01.pt, … of the folder of starting noises, if `params` names one; or .pth, .npy, .safetensors.

    Raises UserError where there are two of one number.
    """
    return [_file_of(Path(params.noises), number) for number in range(params.num_noises)] if params.noises else []


def _file_of(folder: Path, number: int) -> Path:
    """The first that could be where there is none."""
    files = [folder / f"{number:02d}{suffix}" for suffix in SUFFIXES]
    found = [file for file in files if file.exists()]
    if len(found) > 1:
        names = " and ".join(file.name for file in found)
        raise refusal(f"faces.sampling.noises: {folder}", names, "one file for each noise")
    return (found or files)[0]


def _load_noise(file: Path, size: int) -> Tensor:
    place, shape = f"faces.sampling.noises: {file}", (1, 3, size, size)
    noise = only_tensor(read_saved(file, place))
    problem = unfit(noise)
    if not problem and noise.shape != shape:
        problem = f"shape {tuple(noise.shape)}"
    if problem:
        raise refusal(place, problem, f"finite floating-point numbers of shape {shape}")
    return noise.float()
