"""Images per second of three training loops: ours, diffusers' example, and denoising-diffusion-pytorch's Trainer.

Alike: images, batch size, fp32, Adam (AdamW in the first two), clipped gradients, averaged weights; none of them
writes to the disk. Ours and diffusers' train one and the same network. The third trains its own one of nearly as many
parameters (both are printed, and the FLOPs of both), reads image files in as many worker processes as there are cores,
and averages its weights every tenth step.
"""

import argparse
from collections.abc import Callable
from functools import partial
from statistics import median

import difflab  # noqa: F401  (before torchvision: see there)

# isort: split

import torch
from torch import nn

from bench import with_difflab, with_diffusers, with_lucidrains
from bench.networks import CPU_PROFILE, WIDER, WIDEST, Network
from bench.timing import Train, compared, flops, header, in_turns, row, size, training_rate

BATCH_SIZE = 16


def compare(network: Network, seconds: float, rounds: int) -> None:
    """Measure the three loops and print their rows."""
    loops: dict[str, tuple[nn.Module, Callable[..., None]]] = {
        "difflab": (network.unet(conditional=False), with_difflab.train),
        "diffusers": (network.unet(conditional=False), with_diffusers.train),
        "denoising-diffusion-pytorch": (with_lucidrains.make_unet(network), with_lucidrains.train),
    }
    measurements = {}
    for name, (model, train) in loops.items():
        measurements[name] = short_run(partial(train, model), model, network.image_size, seconds)
    rates = in_turns(measurements, rounds)
    x, t = torch.randn(1, 3, network.image_size, network.image_size), torch.zeros(1, dtype=torch.int64)
    for name, (model, _) in loops.items():
        cost = flops(partial(model, x, t)) / 1e6
        speed = f"{median(rates[name]):.1f}"
        row(network, name, size(model), f"{cost:.0f}", speed, compared(rates["difflab"], rates[name]))


def short_run(train: Train, model: nn.Module, image_size: int, seconds: float) -> Callable[[], float]:
    """A measurement of about so many seconds."""
    pilot = training_rate(train, model, image_size, BATCH_SIZE, num_steps=1)
    return partial(training_rate, train, model, image_size, BATCH_SIZE, max(1, round(seconds * pilot / BATCH_SIZE)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1, help="of each run")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    header("network", "loop", "parameters", "MFLOP/image, forward", "images/s", "difflab ÷ this (range)")
    for network in (CPU_PROFILE, WIDER, WIDEST):
        compare(network, args.seconds, args.rounds)


if __name__ == "__main__":
    main()
