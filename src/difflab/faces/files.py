"""Files of the sampled faces."""

from __future__ import annotations

from pathlib import Path

from difflab.config.diffusion import FaceInterpolationParams, FaceSamplingParams, PathName


def sample_files(params: FaceSamplingParams, eta: float, step_seed: int) -> list[Path]:
    """The images of one η and one seed, in the order of their starting noises."""
    folder = Path("samples/faces", f"eta_{eta}", f"seed_{step_seed}")
    return [folder / f"{number:02d}.png" for number in range(params.num_noises)]


def path_files(params: FaceInterpolationParams, path: PathName) -> list[Path]:
    """The images of one path, from α = 0 to 1."""
    return [Path("samples/interpolation", path, f"{number:02d}.png") for number in range(params.num_images)]
