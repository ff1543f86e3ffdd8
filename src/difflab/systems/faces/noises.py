"""Starting noises of faces, from the noise bank or files, and paths between two of them."""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from difflab.config.diffusion import FaceInterpolationParams, FaceSamplingParams, PathName
from difflab.diffusion.noise_bank import bank_generators
from difflab.errors import UserError
from difflab.models.safe_loading import only_tensor, read_saved, refusal, unfit
from difflab.systems.faces.files import alphas_of, pairs_of

SUFFIXES = (".pt", ".pth", ".npy", ".safetensors")
SMALLEST_ANGLE = 1e-7  # radians; below the precision of float32


def starting_noises(params: FaceSamplingParams, size: int) -> Tensor:
    """Starting noises (num_noises, 3, size, size), from the files that `params` names or else from the noise bank.

    Raises UserError when a file is missing or is not one noise of this size.
    """
    if params.noises:
        return torch.cat([_load_noise(file, size) for file in noise_files(params)])
    generators = bank_generators(params.seed, range(params.num_noises))
    return torch.stack([torch.randn(3, size, size, generator=generator) for generator in generators])


def noise_files(params: FaceSamplingParams) -> list[Path]:
    """The files 00.pt, 01.pt, … (or .pth, .npy, .safetensors) in `params.noises`; empty if that is not set.

    Raises UserError when a number occurs twice.
    """
    return [_file_of(Path(params.noises), number) for number in range(params.num_noises)] if params.noises else []


def _file_of(folder: Path, number: int) -> Path:
    """The file of a noise, or the first possible name if it does not exist. Raises UserError if there are several."""
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


def lerp(a: Tensor, b: Tensor, alpha: float) -> Tensor:
    """Linear interpolation (1−α) a + α b; for independent noises, the norm falls to √½ of theirs at α = ½."""
    return torch.lerp(a.double(), b.double(), alpha).to(a.dtype)


def slerp(a: Tensor, b: Tensor, alpha: float) -> Tensor:
    """Spherical interpolation, from `a` at α = 0 to `b` at α = 1, at constant angular speed (Shoemake 1985).

    The norm is interpolated linearly, (1−α)‖a‖ + α‖b‖; Shoemake assumes equal norms. The great circle is not unique for
    opposite noises: then it goes through `a` with each pair of neighbors (x, y) rotated to (−y, x), which is also
    Gaussian noise. Raises UserError when a noise is zero.
    """
    u, v = a.double().flatten(), b.double().flatten()
    norm_a, norm_b = u.norm(), v.norm()
    if not (norm_a > 0 and norm_b > 0):
        raise UserError(f"slerp: found noises of norm {norm_a:g} and {norm_b:g}, allowed: above 0")
    u, v = u / norm_a, v / norm_b
    cosine = u @ v
    across = v - cosine * u  # norm sin θ
    angle = torch.atan2(across.norm(), cosine)
    if min(angle, math.pi - angle) < SMALLEST_ANGLE:
        across = _quarter_turn(u)
    direction = torch.cos(alpha * angle) * u + torch.sin(alpha * angle) * across / across.norm()
    return (torch.lerp(norm_a, norm_b, alpha) * direction).reshape(a.shape).to(a.dtype)


PATHS: dict[PathName, Callable[[Tensor, Tensor, float], Tensor]] = {"slerp": slerp, "lerp": lerp}


def interpolated_noises(
    params: FaceSamplingParams, interpolation: FaceInterpolationParams, size: int
) -> dict[PathName, Tensor]:
    """The noises of each path by name, (num_images, 3, size, size) from α = 0 to 1. Raises UserError."""
    first, last = starting_noises(params, size)[interpolation.noises]
    alphas = alphas_of(interpolation)
    return {name: torch.stack([path(first, last, alpha) for alpha in alphas]) for name, path in PATHS.items()}


def middle_noises(params: FaceSamplingParams, size: int) -> dict[PathName, Tensor]:
    """The noises halfway between each of `pairs_of`, by path: (pairs, 3, size, size). Raises UserError."""
    noises, pairs = starting_noises(params, size), pairs_of(params)
    return {
        name: torch.stack([path(noises[first], noises[last], 0.5) for first, last in pairs])
        for name, path in PATHS.items()
    }


def _quarter_turn(x: Tensor) -> Tensor:
    """A vector orthogonal to `x` (N,), with the same norm except for the last entry if N is odd."""
    turned, even = torch.zeros_like(x), len(x) // 2 * 2
    turned[:even:2], turned[1:even:2] = -x[1:even:2], x[:even:2]
    return turned
