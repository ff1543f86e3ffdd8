"""Images per second of training and sampling: difflab compared with diffusers' example and pipeline.

Both train and sample the same networks from the same weights in fp32, with the same images, batch size, AdamW, gradient
clipping and weight averaging, and DDIM (η = 0) with as many steps. Neither writes to disk.
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import difflab  # noqa: F401  isort: skip (before diffusers: makes torchvision importable)
import torch
from diffusers import UNet2DModel

from bench import with_difflab, with_diffusers
from bench.timing import Train, compared, flops, header, in_turns, row, sampling_rate, training_rate
from difflab.config.diffusion import NetworkParams
from difflab.diffusion.unet import make_unet

LIBRARIES = {"difflab": with_difflab, "diffusers": with_diffusers}
NETWORKS = [([16, 32, 64], 256), ([32, 64], 128), ([128, 256], 512)]  # channels, size of the time embedding
IMAGE_SIZE = 16
BATCH_SIZE = 16
NUM_SAMPLES = 64
NUM_INFERENCE_STEPS = 5


def network(channels: list[int], time_embedding_dim: int) -> UNet2DModel:
    """The U-Net of a recipe, with the same weights at every call."""
    params = NetworkParams(
        prediction_type="epsilon",
        patch_size=1,
        block_out_channels=channels,
        layers_per_block=1,
        add_attention=True,
        attention_head_dim=min(32, channels[0]),
        norm_num_groups=8,
        time_embedding_dim=time_embedding_dim,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make_unet(params, IMAGE_SIZE, conditional=False)


def compare(channels: list[int], time_embedding_dim: int, seconds: float, rounds: int, compiled: bool) -> None:
    """Measure one network and print its rows; `compiled`: also our training with torch.compile."""
    training, sampling = {}, {}
    for name, library in LIBRARIES.items():
        unet = network(channels, time_embedding_dim)
        training[name] = short_run(partial(library.train, unet), unet, seconds)
        trained = network(channels, time_embedding_dim).eval()
        sampling[name] = partial(sampling_rate, partial(library.sample, trained, NUM_SAMPLES, NUM_INFERENCE_STEPS))
    if compiled:
        unet = network(channels, time_embedding_dim)
        unet.compile(dynamic=False)
        start = time.perf_counter()
        training["difflab, compiled"] = short_run(partial(with_difflab.train, unet), unet, seconds)
        print(f"Compiling {channels} took {time.perf_counter() - start:.0f} s.", file=sys.stderr)
    x, t = torch.randn(1, 3, IMAGE_SIZE, IMAGE_SIZE), torch.zeros(1, dtype=torch.int64)
    cost = flops(lambda: unet(x, t)) / 1e6
    in_turns(sampling, 1)  # warm up
    for what, measurements in (("training", training), ("sampling", sampling)):
        rates = in_turns(measurements, rounds)
        for name, speeds in rates.items():
            row(channels, f"{cost:.0f}", what, name, f"{median(speeds):.1f}", compared(rates["difflab"], speeds))


def short_run(train: Train, unet: UNet2DModel, seconds: float) -> Callable[[], float]:
    """A measurement that takes about `seconds`."""
    measure = partial(training_rate, train, unet, IMAGE_SIZE, BATCH_SIZE)
    return partial(measure, num_steps=max(1, round(seconds * measure(num_steps=1) / BATCH_SIZE)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1, help="of each training")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compile", action="store_true", help="also our training with torch.compile")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    header("network", "MFLOP/image, forward", "measured", "library", "images/s", "difflab ÷ this (range)")
    for channels, time_embedding_dim in NETWORKS:
        compare(channels, time_embedding_dim, args.seconds, args.rounds, args.compile)


if __name__ == "__main__":
    main()
