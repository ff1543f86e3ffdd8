"""Classifier-free guidance."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from difflab.sampling.schedulers import SamplingError

PredictNoise = Callable[[Tensor, int], Tensor]  # x_t (N, 3, S, S) and a time step to ε, or v, of that shape
ConditionalNetwork = Callable[[Tensor, int, Tensor], Tensor]  # and the conditions (N, D)


def guided(network: ConditionalNetwork, condition: Tensor, null: Tensor, guidance_scale: float) -> PredictNoise:
    """ε̂ = (1+w) ε(x,c) − w ε(x,∅) (Ho & Salimans 2022, eq. 6), both in one batched pass; w = 0 is ε(x,c) alone.

    For a network that puts out v the sum is the same. `condition` and `null` (N, D): the vectors of c and of ∅ for each
    image. Raises SamplingError when w < 0.
    """
    if not guidance_scale >= 0:
        raise SamplingError(f"guidance_scale: found {guidance_scale}, allowed: 0 and above")
    if guidance_scale == 0:
        return lambda x, t: network(x, t, condition)
    both = torch.cat([condition, null])

    def predict_noise(x: Tensor, t: int) -> Tensor:
        conditional, unconditional = network(torch.cat([x, x]), t, both).chunk(2)
        return (1 + guidance_scale) * conditional - guidance_scale * unconditional

    return predict_noise
