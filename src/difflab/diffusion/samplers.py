"""The reverse process: the choice of time steps, and a diffusers scheduler that uses exactly these, in float64."""

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler
from torch import Tensor

from difflab.config.diffusion import SamplerParams
from difflab.errors import UserError

Generators = torch.Generator | list[torch.Generator]  # one for all images, or one for each


class SamplingError(UserError):
    """An invalid argument for sampling; the message is one line."""


@dataclass(frozen=True)
class Sampler:
    """A scheduler for the chosen time steps only: its step k is `timesteps[-1 - k]` of the trained schedule.

    Step k leads to step k - 1, and step 0 to the image. `timesteps` is decreasing. DPM-Solver++ stores the prediction
    of the previous step, so each run needs a fresh copy (`sample` makes one).
    """

    scheduler: DDPMScheduler | DDIMScheduler | DPMSolverMultistepScheduler
    timesteps: list[int]

    def step(self, position: int, predicted: Tensor, x: Tensor, generators: Generators, eta: float = 0.0) -> Tensor:
        """One reverse step from `x` at `timesteps[position]` to the next position; all tensors have the same shape.

        `predicted`: the network's output for `x`. `eta` is ignored unless the scheduler is DDIM.
        """
        options: dict[str, Any] = {"generator": generators, "return_dict": False}
        if isinstance(self.scheduler, DDIMScheduler):
            options["eta"] = eta
        return self.scheduler.step(predicted, len(self.timesteps) - 1 - position, x, **options)[0]


def inference_timesteps(num_train_timesteps: int, num_steps: int, spacing: str, offset: int) -> list[int]:
    """Choose `num_steps` of the time steps T-1 … 0, in decreasing order (Lin et al. 2023, arXiv:2305.08891, table 2).

    As in diffusers, with two of its errors fixed: "trailing" ends at -1 for some numbers of steps (61 of 1000), and
    "leading" rounds T/steps down before multiplying, so that 600 of 1000 steps would start at 599, far from pure noise.
    Raises SamplingError.
    """
    if not 1 <= num_steps <= num_train_timesteps:
        raise SamplingError(f"num_inference_steps: found {num_steps}, allowed: 1 to {num_train_timesteps}")
    if offset and spacing != "leading":
        raise SamplingError(f"steps_offset: found {offset}, allowed: 0 with {spacing} spacing")
    k = np.arange(num_steps)
    match spacing:
        case "leading":
            timesteps = (k * num_train_timesteps // num_steps + offset)[::-1]
        case "trailing":
            timesteps = np.round(num_train_timesteps - k * num_train_timesteps / num_steps).astype(int) - 1
        case "linspace":
            timesteps = np.linspace(num_train_timesteps - 1, 0, num_steps).round().astype(int)
        case _:
            raise SamplingError(f"timestep_spacing: found {spacing!r}, allowed: 'leading', 'trailing', 'linspace'")
    if timesteps[0] >= num_train_timesteps:
        allowed = offset - (timesteps[0] - num_train_timesteps + 1)
        raise SamplingError(f"steps_offset: found {offset}, allowed with {num_steps} steps: 0 to {allowed}")
    return timesteps.tolist()


def make_sampler(
    betas: Tensor,
    prediction_type: str = "epsilon",
    *,
    sampler: str = "ddim",
    num_inference_steps: int = 50,
    timestep_spacing: str = "trailing",
    steps_offset: int = 0,
    set_alpha_to_one: bool = True,
    clip_sample: bool = True,
) -> Sampler:
    """Make one of three samplers for a subset of the trained time steps.

    "ddpm": Ho et al. 2020, arXiv:2006.11239, eq. 7 with its posterior variance. "ddim": Song et al. 2020,
    arXiv:2010.02502, eq. 12. "dpmsolver++": the second-order multistep solver 2M of Lu et al. 2022, arXiv:2211.01095,
    algorithm 2; its first step, and its last with fewer than 15 steps or onto ᾱ = 1, are DDIM steps with η = 0. It is
    best with trailing spacing: the others step onto τ = 0, where the log-SNR jumps and a second-order step overshoots.

    `betas`: the trained β, (T,) float64. `prediction_type`: the network's output, "epsilon" or "v_prediction". The
    scheduler has only the chosen steps τ, with β'_k = 1 − ᾱ_τ(k) / ᾱ_τ(k−1): diffusers' DDIM assumes that t is followed
    by t − T // steps, which is wrong if the number of steps does not divide T. Its tables, float32 in diffusers, are
    set in float64. The keyword arguments are those of `config.diffusion.SamplerParams`. Raises SamplingError.
    """
    timesteps = inference_timesteps(len(betas), num_inference_steps, timestep_spacing, steps_offset)
    trained = torch.cumprod(1 - betas.double(), 0)
    alphas_cumprod = trained[timesteps[::-1]]
    final = torch.ones((), dtype=torch.float64) if set_alpha_to_one else trained[0]
    respaced = 1 - alphas_cumprod / torch.cat([final[None], alphas_cumprod[:-1]])
    config = {
        "num_train_timesteps": num_inference_steps,
        "trained_betas": respaced.tolist(),
        "prediction_type": prediction_type,
    }
    match sampler:
        case "ddpm":
            scheduler = DDPMScheduler(**config, clip_sample=clip_sample, variance_type="fixed_small")
            scheduler.one = final
        case "ddim":
            scheduler = DDIMScheduler(**config, clip_sample=clip_sample)
            scheduler.final_alpha_cumprod = final
        case "dpmsolver++":
            scheduler = DPMSolverMultistepScheduler(
                **config,
                timestep_spacing="trailing",  # selects all of its steps
                thresholding=clip_sample,  # at sample_max_value = 1: clips to [-1, 1]
                final_sigmas_type="zero" if set_alpha_to_one else "sigma_min",
            )
        case _:
            raise SamplingError(f"sampler: found {sampler!r}, allowed: 'ddpm', 'ddim', 'dpmsolver++'")
    scheduler.betas, scheduler.alphas, scheduler.alphas_cumprod = respaced, 1 - respaced, alphas_cumprod
    scheduler.set_timesteps(num_inference_steps)
    if isinstance(scheduler, DPMSolverMultistepScheduler):  # set_timesteps rounds its table to float32
        products = torch.cat([alphas_cumprod.flip(0), final[None]])
        scheduler.sigmas = ((1 - products) / products).sqrt()
    return Sampler(scheduler, timesteps)


def sampler_options(params: SamplerParams) -> dict[str, Any]:
    """The keyword arguments of `make_sampler` from a `sampling` section of params.yaml."""
    return params.model_dump(include=set(inspect.getfullargspec(make_sampler).kwonlyargs))
