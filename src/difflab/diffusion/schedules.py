"""Noise schedules β_t, in float64."""

import math

import torch
from torch import Tensor

from difflab.config.diffusion import ScheduleParams


def linear_betas(num_train_timesteps: int, beta_start: float, beta_end: float) -> Tensor:
    """β_t evenly spaced from `beta_start` to `beta_end`, both included (Ho et al. 2020, section 4)."""
    return torch.linspace(beta_start, beta_end, num_train_timesteps, dtype=torch.float64)


def cosine_betas(num_train_timesteps: int, offset: float = 0.008, max_beta: float = 0.999) -> Tensor:
    """β_t = min(1 − f(t)/f(t−1), max_beta), f(t) = cos²((t/T + s)/(1 + s) · π/2) (Nichol & Dhariwal 2021, eq. 17)."""
    t = torch.arange(num_train_timesteps + 1, dtype=torch.float64) / num_train_timesteps
    f = torch.cos((t + offset) / (1 + offset) * math.pi / 2) ** 2
    return (1 - f[1:] / f[:-1]).clamp(max=max_beta)


def make_betas(params: ScheduleParams) -> Tensor:
    """β_1 … β_T of a recipe, shape (num_train_timesteps,), float64, in (0, 1)."""
    if params.name == "cosine":
        return cosine_betas(params.num_train_timesteps)
    return linear_betas(params.num_train_timesteps, params.beta_start, params.beta_end)
