"""Images per second of sampling: our pipelines, diffusers', and denoising-diffusion-pytorch's.

Without and with guidance. Alike: DDIM with η = 0, as many steps, images a call, fp32. Ours and diffusers' sample one
and the same network; ours steps in float64. The third samples its own network of nearly as many parameters, runs the
two halves of the guidance one after the other, and gives tensors where the others give PIL images.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import difflab  # noqa: F401  (before torchvision: see there)

# isort: split

import torch
from torch import nn

from bench import with_difflab, with_diffusers, with_lucidrains
from bench.networks import CPU_PROFILE, WIDER, Network
from bench.timing import compared, header, in_turns, quiet, row, size
from difflab.models.conditioning import DigitDomainCondition

GUIDANCE_SCALE = 3.0
COUNT = 64
Samplers = dict[str, tuple[nn.Module, Callable[[], object]]]


def unguided(network: Network, steps: int) -> Samplers:
    ours, same, third = network.unet(False).eval(), network.unet(False).eval(), with_lucidrains.make_unet(network)
    return {
        "difflab": (ours, partial(with_difflab.sample, ours, COUNT, steps)),
        "diffusers": (same, partial(with_diffusers.sample, same, COUNT, steps)),
        "denoising-diffusion-pytorch": (
            third,
            partial(with_lucidrains.sample, third, network.image_size, COUNT, steps),
        ),
    }


def guided(network: Network, steps: int) -> Samplers:
    ours, same, third = network.unet(True).eval(), network.unet(True).eval(), with_lucidrains.make_guided_unet(network)
    condition = DigitDomainCondition(["mnistm"], 64, 16, network.time_embedding_dim).eval()
    digits = [i % 10 for i in range(COUNT)]
    how = (digits, steps, GUIDANCE_SCALE)
    return {
        "difflab": (ours, partial(with_difflab.sample_guided, ours, condition, *how)),
        "diffusers": (same, partial(with_diffusers.sample_guided, same, condition, *how)),
        "denoising-diffusion-pytorch": (third, partial(with_lucidrains.sample_guided, third, network.image_size, *how)),
    }


def rate(sample: Callable[[], object]) -> float:
    """Images per second of one call."""
    start = time.perf_counter()
    with quiet():
        sample()
    return COUNT / (time.perf_counter() - start)


def compare(network: Network, guidance: str, samplers: Samplers, rounds: int) -> None:
    """Measure the samplers and print their rows."""
    measurements = {name: partial(rate, sample) for name, (_, sample) in samplers.items()}
    in_turns(measurements, 1)  # warm up
    rates = in_turns(measurements, rounds)
    for name, (model, _) in samplers.items():
        speed = f"{median(rates[name]):.1f}"
        row(network, guidance, name, size(model), speed, compared(rates["difflab"], rates[name]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    header("network", "guidance", "pipeline", "parameters", "images/s", "difflab ÷ this (range)")
    for network in (CPU_PROFILE, WIDER):
        compare(network, "none", unguided(network, args.steps), args.rounds)
        compare(network, f"s = {GUIDANCE_SCALE:g}", guided(network, args.steps), args.rounds)


if __name__ == "__main__":
    main()
