"""Which faces are sampled, and where their images are. No torch here: figures of images do without."""

from itertools import combinations
from pathlib import Path

from difflab.config.diffusion import FaceInterpolationParams, FaceSamplingParams, PathName

NUM_PAIRED = 4  # starting noises
FACES = Path("samples/faces")  # for each η


def face_files(params: FaceSamplingParams, eta: float, step_seed: int) -> list[Path]:
    """The images of one η and one seed of the steps' noise, in the order of their starting noises."""
    folder = FACES / f"seed_{step_seed}" / f"eta_{eta}"
    return [folder / f"{number:02d}.png" for number in range(params.num_noises)]


def path_files(params: FaceInterpolationParams, path: PathName) -> list[Path]:
    """The images of one path, from α = 0 to 1."""
    return [Path("samples/interpolation", path, f"{number:02d}.png") for number in range(params.num_images)]


def middle_files(params: FaceSamplingParams, path: PathName) -> list[Path]:
    """The images of `middle_noises`."""
    return [Path("samples/interpolation/middle", path, f"{a:02d}_{b:02d}.png") for a, b in pairs_of(params)]


def alphas_of(params: FaceInterpolationParams) -> list[float]:
    """`num_images` numbers at equal steps from 0 to 1."""
    return [k / (params.num_images - 1) for k in range(params.num_images)]


def pairs_of(params: FaceSamplingParams) -> list[tuple[int, int]]:
    """The numbers of all pairs of the first four starting noises: the pairs of ten would be 45."""
    return list(combinations(range(min(params.num_noises, NUM_PAIRED)), 2))
