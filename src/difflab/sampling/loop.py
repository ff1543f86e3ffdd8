"""The one sampling loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass

import torch
from diffusers import DDIMScheduler
from torch import Tensor

from difflab.diffusion.samplers import Generators, Sampler, SamplingError
from difflab.diffusion.sampling import PredictNoise


@dataclass(frozen=True)
class Trace:
    """Images kept on the way: `images` (K, N, 3, S, S) at `times` (K,), falling to 0.

    A time counts steps of noise as Ho et al. do: t = 0 is the final image, and time step τ of diffusers is t = τ + 1.
    """

    images: Tensor
    times: list[int]


@torch.inference_mode()
def sample(
    predict_noise: PredictNoise,
    sampler: Sampler,
    noise: Tensor,
    generators: Generators,
    eta: float = 0.0,
    trace_steps: int = 2,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> Trace:
    """Run the reverse process from `noise` (N, 3, S, S); the last image of the trace is the result, about [-1, 1].

    `generators` draw the noise of the steps. `eta` is DDIM's η. The trace holds
    `trace_steps` images at equal intervals, the noise and the result included. Raises SamplingError.
    """
    num_steps = len(sampler.timesteps)
    if not 2 <= trace_steps <= num_steps + 1:
        raise SamplingError(f"trace_steps: found {trace_steps}, allowed: 2 to {num_steps + 1}")
    if not 0 <= eta <= (1 if isinstance(sampler.scheduler, DDIMScheduler) else 0):
        raise SamplingError(f"eta: found {eta}, allowed: 0 to 1 with DDIM, else 0")
    kept = [round(i * num_steps / (trace_steps - 1)) for i in range(trace_steps)]
    step = deepcopy(sampler).step
    x, images = noise, [noise]
    for position in progress(range(num_steps)):
        x = step(position, predict_noise(x, sampler.timesteps[position]), x, generators, eta)
        if position + 1 in kept:
            images.append(x)
    times = [timestep + 1 for timestep in sampler.timesteps] + [0]
    return Trace(torch.stack(images), [times[position] for position in kept])
