"""DDIM with the course's face U-Net, random weights, batch 1: its share of the matmul peak, and its memory.

Through UnconditionalPipeline, with its progress bar. Peak memory is that of the whole process: "before" sampling it
holds the libraries and the weights.
"""

import argparse
import resource
import time

import difflab  # noqa: F401  (before torchvision: see there)

# isort: split

import torch
from diffusers import UNet2DModel

from bench import with_difflab
from bench.timing import flops, header, matmul_rate, row, size
from difflab.systems.faces.course_unet import CONFIG


def step_cost(image_size: int) -> int:
    """Floating-point operations of one prediction, counted without making it."""
    with torch.device("meta"):
        unet, noise = UNet2DModel(**CONFIG), torch.empty(1, 3, image_size, image_size)
    return flops(lambda: unet(noise, 0))


def peak_memory() -> float:
    """Of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10  # which Linux gives in KiB


def measure(image_size: int, steps: int) -> None:
    """Draw one image and print the row of what it took."""
    torch.manual_seed(0)
    unet = UNet2DModel(**CONFIG).eval()
    unet.register_to_config(sample_size=image_size)
    weights = sum(parameter.nbytes for parameter in unet.parameters()) / 2**20
    before, memory_before = matmul_rate(), peak_memory()
    start = time.perf_counter()
    with_difflab.sample(unet, 1, steps)
    seconds = (time.perf_counter() - start) / steps
    memory = peak_memory()
    peak = (before + matmul_rate()) / 2
    cost = step_cost(image_size)
    speed = [f"{seconds:.2f}", f"{cost / 1e9:.0f}", f"{peak / 1e9:.0f}", f"{cost / seconds / peak:.2f}"]
    row(f"{image_size}×{image_size}", size(unet), *speed, *(f"{mib:.0f}" for mib in (weights, memory_before, memory)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--size", type=int, default=256, help="pixels a side, a multiple of 32")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    speed = ["s/step", "GFLOP/step", "matmul GFLOP/s", "share of peak"]
    header("image", "parameters", *speed, "weights, MiB", "peak memory before, MiB", "after, MiB")
    measure(args.size, args.steps)


if __name__ == "__main__":
    main()
