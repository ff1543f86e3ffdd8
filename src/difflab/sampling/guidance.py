"""Classifier-free guidance."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from difflab.diffusion.samplers import SamplingError

PredictNoise = Callable[[Tensor, int], Tensor]  # x_t (N, 3, S, S) and a time step to ε, or v, of that shape
ConditionalNetwork = Callable[[Tensor, int, Tensor], Tensor]  # and the conditions (N, D)


def guided(network: ConditionalNetwork, condition: Tensor, null: Tensor, guidance_scale: float) -> PredictNoise:
    """ε̂ = s ε(x,c) − (s−1) ε(x,∅), both in one batched pass; s = 1 is ε(x,c) alone.

    `guidance_scale` is s as in diffusers; Ho & Salimans (2022, eq. 6) write w = s − 1. For a network that predicts v
    the sum is the same. `condition` and `null` (N, D): the vectors of c and of ∅ for each image. Raises SamplingError
    when s < 1.
    """
    if not guidance_scale >= 1:
        raise SamplingError(f"guidance_scale: found {guidance_scale}, allowed: 1 and above")
    if guidance_scale == 1:
        return lambda x, t: network(x, t, condition)
    both = torch.cat([condition, null])

    def predict_noise(x: Tensor, t: int) -> Tensor:
        conditional, unconditional = network(torch.cat([x, x]), t, both).chunk(2)
        return guidance_scale * conditional - (guidance_scale - 1) * unconditional

    return predict_noise
