"""The reverse process: which time steps, and the diffusers scheduler that steps through exactly those, in float64."""

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
    """A call for images that cannot be answered; the message is one line."""


@dataclass(frozen=True)
class Sampler:
    """`scheduler` knows the chosen steps alone: its time step k is `timesteps[-1 - k]` of the trained schedule.

    Step k leads to step k - 1, and step 0 to the image. `timesteps` falls. DPM-Solver++ remembers the prediction of
    the step before, so that each run takes a fresh copy (`sample` does).
    """

    scheduler: DDPMScheduler | DDIMScheduler | DPMSolverMultistepScheduler
    timesteps: list[int]

    def step(self, position: int, predicted: Tensor, x: Tensor, generators: Generators, eta: float = 0.0) -> Tensor:
        """From `x` at `timesteps[position]` and its `predicted` noise to x at the next position; all of one shape."""
        options: dict[str, Any] = {"generator": generators, "return_dict": False}
        if isinstance(self.scheduler, DDIMScheduler):
            options["eta"] = eta
        return self.scheduler.step(predicted, len(self.timesteps) - 1 - position, x, **options)[0]


def inference_timesteps(num_train_timesteps: int, num_steps: int, spacing: str, offset: int) -> list[int]:
    """`num_steps` of the time steps T-1 … 0, falling (Lin et al. 2023, arXiv:2305.08891, table 2).

    As diffusers has them, but for two of its slips: "trailing" ends in -1 for some numbers of steps (61 of 1000), and
    "leading" rounds T/steps down before it multiplies, so that 600 of 1000 would start at 599, far from pure noise.
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
    """One of three samplers on some of the trained time steps.

    "ddpm": Ho et al. 2020, arXiv:2006.11239, eq. 7 with its posterior variance; "ddim": Song et al. 2020,
    arXiv:2010.02502, eq. 12; "dpmsolver++": the second-order multistep solver 2M of Lu et al. 2022, arXiv:2211.01095,
    algorithm 2, whose first step, and whose last with fewer than 15 steps or onto ᾱ = 1, are DDIM's with η = 0. Best
    with trailing spacing: the other two step onto τ = 0, a leap of the log-SNR that the second order overshoots.

    `betas` (T,) float64 are the trained β, `prediction_type` ("epsilon", "v_prediction") is what the network puts out.
    The scheduler is made for the chosen steps τ alone, with β'_k = 1 − ᾱ_τ(k) / ᾱ_τ(k−1), because diffusers' DDIM takes
    t − T // steps for the step before t, which is another one than the list's next wherever steps do not divide T; and
    its tables, float32 from diffusers, are set in float64. The keyword arguments are those of
    `config.diffusion.SamplerParams`.
    Raises SamplingError.
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
                timestep_spacing="trailing",  # of all its steps: all of them
                thresholding=clip_sample,  # to sample_max_value = 1, which is clipping to [-1, 1]
                final_sigmas_type="zero" if set_alpha_to_one else "sigma_min",
            )
        case _:
            raise SamplingError(f"sampler: found {sampler!r}, allowed: 'ddpm', 'ddim', 'dpmsolver++'")
    scheduler.betas, scheduler.alphas, scheduler.alphas_cumprod = respaced, 1 - respaced, alphas_cumprod
    scheduler.set_timesteps(num_inference_steps)
    if isinstance(scheduler, DPMSolverMultistepScheduler):  # set_timesteps has rounded its table to float32
        products = torch.cat([alphas_cumprod.flip(0), final[None]])
        scheduler.sigmas = ((1 - products) / products).sqrt()
    return Sampler(scheduler, timesteps)


def sampler_options(params: SamplerParams) -> dict[str, Any]:
    """The part of a `sampling` section of params.yaml that `make_sampler` takes."""
    return params.model_dump(include=set(inspect.getfullargspec(make_sampler).kwonlyargs))
