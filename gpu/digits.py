"""Train the recipe unconditional-800 of the paper profile for a minute and extrapolate the time of a full training."""

from __future__ import annotations

import argparse
import gzip
import tempfile
import time
from pathlib import Path

import difflab  # noqa: F401  isort: skip (before diffusers: makes torchvision importable)

# isort: split

import numpy as np
import torch
from accelerate.utils import set_seed
from torch import Tensor

from bench.timing import random_images
from difflab.config.diffusion import NetworkParams, ScheduleParams
from difflab.config.load import load_section
from difflab.config.training import ComputeParams, TrainingParams
from difflab.diffusion.objective import DenoisingTask
from difflab.diffusion.schedules import make_betas
from difflab.diffusion.unet import make_unet
from difflab.training.checkpoint import RollingCheckpoint
from difflab.training.device import make_accelerator
from difflab.training.fit import fit
from gpu import job_log
from gpu.clock import WARM_UP, Clock
from gpu.loops import SMOKE_WIDTHS

RECIPE = "unconditional-800"
NUM_IMAGES = 60000
TRAINING = 45  # seconds
IDX_HEADER = 16  # bytes: magic number, images, rows, columns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packed", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--compile", action="store_true", help="ignored: the stage does not compile")
    args = parser.parse_args()
    began = time.monotonic()
    params = args.packed / "paper.yaml"
    network = load_section(NetworkParams, f"recipes.{RECIPE}.network", params)
    training = load_section(TrainingParams, f"recipes.{RECIPE}.training", params)
    betas = make_betas(load_section(ScheduleParams, f"recipes.{RECIPE}.schedule", params))
    compute = load_section(ComputeParams, "compute", params)
    images = load_mnist(args.packed / "mnist.gz")
    seconds = min(TRAINING, args.seconds - 30)
    if args.smoke:
        network, images, seconds = network.model_copy(update=SMOKE_WIDTHS), images[:32], 1
        training = training.model_copy(update={"batch_size": 4})
        compute = compute.model_copy(update={"threads": 1})
    set_seed(training.seed)
    accelerator = make_accelerator(compute)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = RollingCheckpoint(Path(folder), checkpoint_every=1000, log_every=100)
        unet = make_unet(network, images.shape[-1], conditional=False)
        pilot = training.model_copy(update={"num_epochs": 1})
        pilot_steps = 2 if args.smoke else 20
        clock = Clock(unet, pilot_steps)
        task = DenoisingTask(clock, betas, network.prediction_type, network.patch_size)  # pyright: ignore[reportArgumentType]
        pilot_images = images[: (WARM_UP + pilot_steps + 1) * training.batch_size]
        fit(task, {"images": pilot_images}, pilot, accelerator, RollingCheckpoint(Path(folder)))
        begin, end = clock.times
        rate = pilot_steps * training.batch_size / (end - begin)
        checkpoint.file.unlink()
        checkpoint.log.unlink()

        count = min(len(images), max(training.batch_size, int(rate * seconds)))
        short = training.model_copy(update={"num_epochs": max(1, int(rate * seconds) // count)})
        task = DenoisingTask(unet, betas, network.prediction_type, network.patch_size)
        start = time.monotonic()
        fit(task, {"images": images[:count]}, short, accelerator, checkpoint)
        took = time.monotonic() - start
        seen = short.num_epochs * (count // training.batch_size) * training.batch_size
        loss = checkpoint.log.read_text().splitlines()[-1]
    hours = training.num_epochs * NUM_IMAGES / (seen / took) / 3600
    print(f"{RECIPE}: {seen / took:.0f} images/s; {training.num_epochs} epochs of {NUM_IMAGES}: {hours:.2f} hours")
    job_log.write(
        args.out / "job.jsonl",
        "digits",
        "trained",
        recipe=RECIPE,
        precision=accelerator.mixed_precision,
        images=seen,
        seconds=round(took, 2),
        images_per_second=round(seen / took, 1),
        hours=round(hours, 3),
        last_line=loss,
        preparation_seconds=round(start - began, 1),
    )


def load_mnist(path: Path) -> Tensor:
    """The training images (N, 3, 28, 28) uint8; random ones if the file is missing."""
    if not path.is_file():
        return random_images(NUM_IMAGES, 28)
    with gzip.open(path) as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=IDX_HEADER).reshape(-1, 1, 28, 28)
    return torch.from_numpy(pixels.copy()).expand(-1, 3, -1, -1).contiguous()


if __name__ == "__main__":
    main()
