"""Train the 64×64 face model for a given time: OUT/faces/, OUT/faces.png.

A short search finds the largest batch that pays, its rate gives the number of steps, and the learning rate falls to 0
over them. OUT/faces/ is a folder that `UnconditionalPipeline` loads, with the averaged weights in fp16 and the log.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import difflab  # noqa: F401  isort: skip (before diffusers: makes torchvision importable)

# isort: split

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from diffusers import UNet2DModel
from PIL import Image
from torch import Tensor, nn

from difflab.config.training import TrainingParams
from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.pipelines import UnconditionalPipeline
from difflab.diffusion.schedules import cosine_betas
from difflab.diffusion.unet import save_model_folder
from difflab.training.checkpoint import RollingCheckpoint
from difflab.training.fit import fit
from gpu import job_log
from gpu.clock import WARM_UP, compile_in_place, measured_rate
from gpu.face_data import load_faces
from gpu.face_model import IMAGE_SIZE, NUM_TIMESTEPS, PATCH_SIZE, PREDICTION_TYPE, FaceTask, OutOfTime, make_face_unet

SEED = 0
BATCH_SIZES = (256, 512)
PAYS = 1.1  # a doubled batch has to give this many times the images per second: more steps learn more per image
MARGIN = 0.92  # of the time goes into the plan; the rest is for rates that fall
FINISH = 25  # seconds for writing and sampling
LARGEST_FILE = 16 * 2**20  # bytes
NUM_SAMPLES, COLUMNS = 40, 8
BETAS = cosine_betas(NUM_TIMESTEPS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packed", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--compile-only", action="store_true", help="fill Inductor's cache, and write nothing")
    args = parser.parse_args()
    deadline = time.monotonic() + args.seconds - (5 if args.smoke else FINISH)
    train_images, validation_images = load_faces(args.packed / "faces.zip", IMAGE_SIZE, limit=6 if args.smoke else None)
    log = partial(job_log.write, args.out / "job.jsonl", "faces")
    torch.backends.cudnn.benchmark = True  # as fast as it goes; the stages are deterministic instead
    set_seed(SEED)
    accelerator = Accelerator(mixed_precision="bf16")
    unet = make_face_unet(args.smoke).to(accelerator.device)
    initial = {name: tensor.clone() for name, tensor in unet.state_dict().items()}
    sizes = (4, 8) if args.smoke else BATCH_SIZES
    num_steps = 2 if args.smoke or args.compile_only else 40
    if args.compile:
        if not args.compile_only:
            log("eager", images_per_second=search_batch_size(unet, train_images, accelerator, sizes[:1], num_steps))
        compile_in_place(unet)
    if args.compile_only:
        for size in sizes:
            search_batch_size(unet, train_images, accelerator, (size,), num_steps)
        return
    rates = search_batch_size(unet, train_images, accelerator, sizes, num_steps)
    unet.load_state_dict(initial)
    batch_size = max(size for size in rates if rates[size] >= PAYS * rates.get(size // 2, 0))
    parameters = sum(parameter.numel() for parameter in unet.parameters())
    log("batch sizes", images_per_second=rates, chosen=batch_size, parameters=parameters, compiled=args.compile)

    left = 4.0 if args.smoke else deadline - time.monotonic()
    total = left * MARGIN * rates[batch_size]
    repeats = max(1, round(total / (40 * len(train_images))))  # about 40 epochs: one validation each
    images = train_images.repeat(repeats, 1, 1, 1)
    params = training_params(batch_size, max(1, int(total // len(images))), len(images))
    log("training", params=params.model_dump(), images=len(train_images), repeats=repeats, planned_seconds=left)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        num_steps = params.num_epochs * (len(images) // batch_size)
        every = max(1, round(20 * rates[batch_size] / batch_size))  # 20 seconds
        checkpoint = RollingCheckpoint(Path(folder), checkpoint_every=every, log_every=max(1, num_steps // 200))
        task = FaceTask(unet, BETAS, deadline)
        try:
            fit(task, {"images": images}, params, accelerator, checkpoint, {"images": validation_images})
        except OutOfTime:
            log("out of time", allowed="the weights of the last checkpoint, before the learning rate was 0")
            load_last_average(task, checkpoint)
        seconds = time.monotonic() - began
        save(unet, checkpoint, args.out / "faces", log)
    log("trained", seconds=round(seconds, 1), **last_line(args.out / "faces/train_log.jsonl"))
    steps = 3 if args.smoke else 50
    sample_grid(args.out / "faces", args.out / "faces.png", accelerator.device, steps)
    log("sampled", count=NUM_SAMPLES, sampler="ddim", eta=0.0, num_inference_steps=steps, seed=SEED)


def training_params(batch_size: int, num_epochs: int, num_images: int) -> TrainingParams:
    """Cosine schedule to 0, so that the average of the weights needs only a short horizon."""
    num_steps = num_epochs * (num_images // batch_size)
    return TrainingParams(
        seed=SEED,
        num_epochs=num_epochs,
        batch_size=batch_size,
        learning_rate=min(6e-4 * (batch_size / 128) ** 0.5, 1.2e-3),  # Adam's noise scale: the root of the batch
        weight_decay=0.01,
        warmup_steps=min(500, num_steps // 10),
        ema_decay=min(0.9999, max(0.5, 1 - 30 / max(num_steps, 1))),  # a horizon of a thirtieth of the steps
    )


def search_batch_size(
    unet: UNet2DModel, images: Tensor, accelerator: Accelerator, sizes: tuple[int, ...], num_steps: int
) -> dict[int, float]:
    """Images per second of `fit` at each batch size, up to the first that does not pay."""
    rates: dict[int, float] = {}
    for size in sizes:
        if size > len(images):
            break
        count = size * (num_steps + WARM_UP + 1)
        data = {"images": images.repeat(-(-count // len(images)), 1, 1, 1)[:count]}
        params = training_params(size, 1, count)
        train = partial(train_once, data=data, params=params, accelerator=accelerator)
        rates[size] = round(measured_rate(train, unet, size, num_steps), 1)
        if rates[size] < PAYS * rates.get(size // 2, 0):
            break
    if not rates:
        raise ValueError(f"found {len(images)} training images, allowed: at least {sizes[0]}")
    return rates


def train_once(network: nn.Module, data: dict[str, Tensor], params: TrainingParams, accelerator: Accelerator) -> None:
    with tempfile.TemporaryDirectory() as folder:
        fit(FaceTask(network, BETAS, float("inf")), data, params, accelerator, RollingCheckpoint(Path(folder)))


def load_last_average(task: FaceTask, checkpoint: RollingCheckpoint) -> None:
    state = checkpoint.load()
    if state is None:
        raise OutOfTime("before the first checkpoint")
    prefix = "module."
    averaged = {name.removeprefix(prefix): value for name, value in state["ema"].items() if name.startswith(prefix)}
    task.load_state_dict(averaged)


def save(unet: UNet2DModel, checkpoint: RollingCheckpoint, folder: Path, log: Callable[..., None]) -> None:
    """Averaged weights, log, and the checkpoint if it is small enough to be brought back."""
    half = make_like(unet).half()
    save_model_folder(
        folder, "UnconditionalPipeline", {"unet": half}, BETAS, prediction_type=PREDICTION_TYPE, patch_size=PATCH_SIZE
    )
    shutil.copy(checkpoint.log, folder / "train_log.jsonl")
    size = checkpoint.file.stat().st_size
    if size <= LARGEST_FILE:
        shutil.copy(checkpoint.file, folder)
    else:
        log("checkpoint", left_out=f"{size} bytes; allowed: {LARGEST_FILE}")


def make_like(unet: UNet2DModel) -> UNet2DModel:
    """The same network on the CPU, uncompiled."""
    copy = UNet2DModel.from_config(unet.config)
    assert isinstance(copy, UNet2DModel)
    copy.load_state_dict(unet.state_dict())
    return copy


def last_line(log: Path) -> dict[str, str]:
    lines = log.read_text(encoding="utf-8").splitlines()
    return {"last_lines": " ".join(lines[-2:])}


def sample_grid(folder: Path, path: Path, device: torch.device, num_steps: int) -> None:
    """The first images of noise bank 0, none picked, from the weights that were written."""
    pipeline = UnconditionalPipeline.from_folder(folder).to(device, torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    generators = bank_generators(SEED, range(NUM_SAMPLES))
    images = pipeline(NUM_SAMPLES, generator=generators, sampler="ddim", num_inference_steps=num_steps).images
    grid = Image.new("RGB", (COLUMNS * IMAGE_SIZE, -(-NUM_SAMPLES // COLUMNS) * IMAGE_SIZE))
    for number, image in enumerate(images):
        grid.paste(image, (number % COLUMNS * IMAGE_SIZE, number // COLUMNS * IMAGE_SIZE))
    grid.save(path)


if __name__ == "__main__":
    main()
