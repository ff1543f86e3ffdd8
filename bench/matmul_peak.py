"""The share of the machine's fp32 matmul peak that `fit` reaches.

Each network is measured between two calibrations, so a machine that slows down meanwhile slows both sides of the ratio.
"""

import argparse
from functools import partial

import difflab  # noqa: F401  (before torchvision: see there)

# isort: split

import torch

from bench import with_difflab
from bench.networks import CPU_PROFILE, WIDER, WIDEST, Network
from bench.timing import flops, header, matmul_rate, random_images, row, size, training_rate

NETWORKS = [(CPU_PROFILE, 16), (CPU_PROFILE, 64), (WIDER, 16), (WIDER, 64), (WIDEST, 16)]  # and their batch size


def measure(network: Network, batch_size: int, seconds: float) -> None:
    """Measure one network and print its row."""
    unet = network.unet(conditional=False)
    batch = {"images": random_images(batch_size, network.image_size)}
    cost = flops(lambda: with_difflab.task(unet)(batch, torch.Generator()).backward()) / batch_size

    def rate(num_steps: int) -> float:
        return training_rate(partial(with_difflab.train, unet), unet, network.image_size, batch_size, num_steps)

    num_steps = max(1, round(seconds * rate(1) / batch_size))
    before = matmul_rate()
    speed = rate(num_steps)
    peak = (before + matmul_rate()) / 2
    cells = [f"{cost / 1e6:.0f}", f"{speed:.1f}", f"{peak / 1e9:.0f}", f"{speed * cost / peak:.2f}"]
    row(network, batch_size, size(unet), *cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    header("network", "batch", "parameters", "MFLOP/image", "images/s", "matmul GFLOP/s", "share of peak")
    for network, batch_size in NETWORKS:
        measure(network, batch_size, args.seconds)


if __name__ == "__main__":
    main()
