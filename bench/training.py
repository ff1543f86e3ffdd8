"""Images per second of three training loops: ours, diffusers' example, and denoising-diffusion-pytorch's Trainer.

Ours and diffusers' train one and the same network, the third its own one with about as many FLOPs; images and batches
are of one size. The loops run in turns.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

import difflab.torchvision_cure  # noqa: F401  (first: see there)

import torch
from denoising_diffusion_pytorch import GaussianDiffusion, Unet
from torch import Tensor, nn

from bench.networks import CPU_PROFILE, WIDEST, Network
from bench.timing import Measurement, compared, flops, header, in_turns, row, size, training_rate
from bench.training_loops import train_difflab, train_diffusers, train_lucidrains
from difflab.sampling.images import to_pil

BATCH_SIZE = 16


def random_images(count: int, image_size: int) -> Tensor:
    """(count, 3, image_size, image_size) uint8."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, 3, image_size, image_size), dtype=torch.uint8, generator=generator)


def short_run(train: Callable[[int], None], network: nn.Module, seconds: float) -> Measurement:
    """Measure `train(steps)` over about so many seconds."""
    pilot = training_rate(train, network, BATCH_SIZE, num_steps=1)
    num_steps = max(1, round(seconds * pilot / BATCH_SIZE))
    return lambda: training_rate(train, network, BATCH_SIZE, num_steps)


def compare(network: Network, seconds: float, rounds: int) -> None:
    """Measure the three loops and print their rows."""
    unet, same = network.unet(conditional=False), network.unet(conditional=False)
    peer = Unet(network.peer_dim, dim_mults=network.peer_mults)
    with tempfile.TemporaryDirectory() as folder:
        for i, image in enumerate(to_pil(random_images(256, network.image_size).float() / 127.5 - 1)):
            image.save(Path(folder, f"{i}.png"))
        diffusion = GaussianDiffusion(peer, image_size=network.image_size)

        def images(num_steps: int) -> Tensor:
            return random_images(num_steps * BATCH_SIZE, network.image_size)

        loops: dict[str, tuple[nn.Module, Callable[[int], None]]] = {
            "difflab": (unet, lambda steps: train_difflab(unet, images(steps), BATCH_SIZE)),
            "diffusers": (same, lambda steps: train_diffusers(same, images(steps), BATCH_SIZE)),
            "denoising-diffusion-pytorch": (
                peer,
                lambda steps: train_lucidrains(diffusion, Path(folder), BATCH_SIZE, steps),
            ),
        }
        runs = {name: short_run(train, model, seconds) for name, (model, train) in loops.items()}
        rates = in_turns(runs, rounds)
    x, t = torch.randn(1, 3, network.image_size, network.image_size), torch.zeros(1, dtype=torch.int64)
    for name, (model, _) in loops.items():
        cost = flops(lambda model=model: model(x, t))
        speed = f"{median(rates[name]):.1f}"
        row(network, name, size(model), f"{cost / 1e6:.0f}", speed, compared(rates["difflab"], rates[name]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2, help="of each run")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    header("network", "loop", "parameters", "MFLOP/image, forward", "images/s", "difflab ÷ this (range)")
    for network in [*CPU_PROFILE, WIDEST]:
        compare(network, args.seconds, args.rounds)


if __name__ == "__main__":
    main()
