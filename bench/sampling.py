"""Images per second of guided sampling: our pipeline, diffusers' way, and denoising-diffusion-pytorch's.

DDIM with as many steps for all; ours and diffusers' with the same network, the third with its own one. The pipelines
run in turns.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import difflab.torchvision_cure  # noqa: F401  (first: see there)

import torch
from torch import nn

from bench.guided_pipelines import (
    difflab_pipeline,
    difflab_sample,
    lucidrains_pipeline,
    lucidrains_sample,
    plain_pipeline,
    plain_sample,
)
from bench.networks import CPU_PROFILE, Network
from bench.timing import compared, header, in_turns, quiet, row, size

Sample = Callable[[list[int]], object]  # digits to images
OURS, DIFFUSERS, LUCIDRAINS = "difflab", "diffusers", "denoising-diffusion-pytorch"
TURNS = [  # pipelines that run in turns, and their images in one call
    [(OURS, 64), (DIFFUSERS, 64), (LUCIDRAINS, 64)],
    [(OURS, 250), (DIFFUSERS, 250), (DIFFUSERS, 1)],  # the defaults: sampling.batch_size, and 1 in diffusers' pipelines
]


def rate(sample: Sample, count: int) -> float:
    """Images per second of one call for `count` images."""
    start = time.perf_counter()
    with quiet():
        sample([i % 10 for i in range(count)])
    return count / (time.perf_counter() - start)


def compare(network: Network, steps: int, rounds: int) -> None:
    """Measure the pipelines and print their rows."""
    ours, plain, third = difflab_pipeline(network), plain_pipeline(network), lucidrains_pipeline(network, steps)
    pipelines: dict[str, tuple[nn.Module, Sample]] = {
        OURS: (ours.unet, partial(difflab_sample, ours, steps=steps)),
        DIFFUSERS: (plain.unet, partial(plain_sample, plain, steps=steps)),
        LUCIDRAINS: (third.model, partial(lucidrains_sample, third)),
    }
    for turn in TURNS:
        for name, _ in turn:
            rate(pipelines[name][1], 1)  # warm up
        rates = in_turns({entry: partial(rate, pipelines[entry[0]][1], entry[1]) for entry in turn}, rounds)
        for (name, count), measured in rates.items():
            ratio = compared(rates[turn[0]], measured)
            row(network, name, size(pipelines[name][0]), count, f"{median(measured):.1f}", ratio)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    header("network", "pipeline", "parameters", "images a call", "images/s", "difflab ÷ this (range)")
    for network in CPU_PROFILE:
        compare(network, args.steps, args.rounds)


if __name__ == "__main__":
    main()
