"""The sampling loop and classifier-free guidance."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass

import torch
from diffusers import DDIMScheduler
from torch import Tensor

from difflab.diffusion.samplers import Generators, Sampler, SamplingError

PredictNoise = Callable[[Tensor, int], Tensor]  # x_t (N, 3, S, S) and a time step to ε or v of the same shape
ConditionalNetwork = Callable[[Tensor, int, Tensor], Tensor]  # with conditions (N, D) as third argument


def guided(
    network: ConditionalNetwork,
    condition: Tensor,
    null: Tensor,
    guidance_scale: float,
    timesteps: range | None = None,
) -> PredictNoise:
    """Classifier-free guidance: ε̂ = s ε(x,c) − (s−1) ε(x,∅), both terms in one batched pass; only ε(x,c) if s = 1.

    `guidance_scale`: s as in diffusers; Ho & Salimans (2022, eq. 6) write w = s − 1. The formula is the same for a
    network that predicts v. `condition` and `null`: (N, D), the vectors of c and of ∅ for each image. `timesteps`: time
    steps with guidance; all others use s = 1, at half the cost (a guidance interval, Kynkäänniemi et al. 2024, eq. 6).
    Raises SamplingError when s < 1.
    """
    if not guidance_scale >= 1:
        raise SamplingError(f"guidance_scale: found {guidance_scale}, allowed: 1 and above")
    both = torch.cat([condition, null])

    def predict_noise(x: Tensor, t: int) -> Tensor:
        if guidance_scale == 1 or (timesteps is not None and t not in timesteps):
            return network(x, t, condition)
        conditional, unconditional = network(torch.cat([x, x]), t, both).chunk(2)
        return guidance_scale * conditional - (guidance_scale - 1) * unconditional

    return predict_noise


@dataclass(frozen=True)
class Trace:
    """Intermediate images: `images` (K, N, 3, S, S) at `times` (K,), decreasing to 0.

    Times are as in Ho et al. 2020: t = 0 is the final image, and time step τ of diffusers is t = τ + 1.
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
    """Run the reverse process from `noise` (N, 3, S, S); the last image of the trace is the result, about in [-1, 1].

    `generators`: for the noise of the steps. `eta`: DDIM's η, in [0, 1], 0 with other samplers. `trace_steps`: number
    of images in the trace, at equal intervals, including noise and result. Raises SamplingError.
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
