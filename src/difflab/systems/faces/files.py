"""The files of sampled faces. This module does not import torch, which the figures do not need."""

from itertools import combinations
from pathlib import Path

from difflab.config.diffusion import FaceInterpolationParams, FaceSamplingParams, PathName

NUM_PAIRED = 4  # starting noises
FACES = Path("samples/faces")  # for each η


def face_files(params: FaceSamplingParams, eta: float, step_seed: int) -> list[Path]:
    """The image files for one η and one seed of the step noises, in the order of the starting noises."""
    folder = FACES / f"seed_{step_seed}" / f"eta_{eta}"
    return [folder / f"{number:02d}.png" for number in range(params.num_noises)]


def path_files(params: FaceInterpolationParams, path: PathName) -> list[Path]:
    """The image files of one path, from α = 0 to 1."""
    return [Path("samples/interpolation", path, f"{number:02d}.png") for number in range(params.num_images)]


def middle_files(params: FaceSamplingParams, path: PathName) -> list[Path]:
    """The image files for `middle_noises`, one for each pair."""
    return [Path("samples/interpolation/middle", path, f"{a:02d}_{b:02d}.png") for a, b in pairs_of(params)]


def alphas_of(params: FaceInterpolationParams) -> list[float]:
    """`num_images` evenly spaced numbers from 0 to 1."""
    return [k / (params.num_images - 1) for k in range(params.num_images)]


def pairs_of(params: FaceSamplingParams) -> list[tuple[int, int]]:
    """All pairs of indices of the first NUM_PAIRED starting noises."""
    return list(combinations(range(min(params.num_noises, NUM_PAIRED)), 2))
