"""Noise schedules: the β_t of each recipe, in float64, and what is asked of those of a file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from difflab.params import ScheduleParams
from difflab.params.diffusion import LEAST_SIGNAL
from difflab.saved import refusal

PREDICTIONS = ("epsilon", "v_prediction")


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
    assert params.beta_start is not None and params.beta_end is not None  # ScheduleParams saw to it
    return linear_betas(params.num_train_timesteps, params.beta_start, params.beta_end)


def require_schedule(scheduler: Any, place: str | Path) -> None:
    """Raises UserError, one line that begins with `place`, where a scheduler of diffusers that was loaded cannot work.

    Its β have to lie in (0, 1) and to leave some of the image, ᾱ_T > 0 in float32; the last may be 1 where the
    configuration rescales to zero SNR (Lin et al. 2023). A network predicts ε or v.
    """
    config, place = scheduler.config, str(place)
    predicted = config.get("prediction_type", "epsilon")
    if predicted not in PREDICTIONS:
        raise refusal(place, f"prediction_type {predicted!r}", " or ".join(PREDICTIONS))
    betas = getattr(scheduler, "betas", None)
    if not isinstance(betas, Tensor):
        raise refusal(place, f"{type(scheduler).__name__}, which has no β", "a scheduler of a diffusion with β")
    betas = betas.double()
    if config.get("rescale_betas_zero_snr"):
        betas = betas[:-1]
    outside = betas[~((betas > 0) & (betas < 1))]
    if len(outside) or not len(betas):
        raise refusal(place, f"β of {outside[0]:g}" if len(outside) else "no β", "numbers > 0 and < 1")
    if (left := float(torch.prod(1 - betas))) < LEAST_SIGNAL:
        raise refusal(place, f"β whose ᾱ falls to {left:.3g}", f"at least {LEAST_SIGNAL:.3g}, or no step leads back")
    trained = config.get("trained_betas")
    if trained is not None and len(trained) != config["num_train_timesteps"]:
        raise refusal(place, f"{len(trained)} trained_betas", f"num_train_timesteps = {config['num_train_timesteps']}")
