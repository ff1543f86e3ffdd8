"""Train the 64×64 face model for a given time: OUT/faces/, OUT/faces.png.

Network, schedule, image size and optimizer come from the profile `pretrain`. A short search finds the batch size, the
measured rate determines the number of epochs, and the learning rate falls to 0 over them. `UnconditionalPipeline` can
load the folder OUT/faces/, with the averaged weights in fp16, the log, and the names of the held-out images.
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

from difflab.config.diffusion import NetworkParams, ScheduleParams
from difflab.config.load import load_section
from difflab.config.training import TrainingParams
from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.pipelines import UnconditionalPipeline
from difflab.diffusion.schedules import make_betas
from difflab.diffusion.unet import make_unet, save_model_folder
from difflab.training.checkpoint import RollingCheckpoint
from difflab.training.fit import fit
from gpu import job_log
from gpu.clock import WARM_UP, compile_in_place, measured_rate
from gpu.face_data import load_faces, write_held_out
from gpu.face_model import FaceTask, OutOfTime
from gpu.loops import SMOKE_WIDTHS

BATCH_SIZES = (256, 512)
PAYS = 1.1  # least speedup for doubling the batch: smaller batches learn more per image
MARGIN = 0.92  # share of the time to plan for; the rest is a reserve for slower steps
FINISH = 25  # seconds reserved for writing and sampling
NUM_SAMPLES, COLUMNS = 40, 8


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
    packed = args.packed / "pretrain.yaml"
    network = load_section(NetworkParams, "faces.network", packed)
    profile = load_section(TrainingParams, "faces.training", packed)
    betas = make_betas(load_section(ScheduleParams, "faces.schedule", packed))
    image_size = load_section(int, "prepare.face_size", packed)
    sizes = BATCH_SIZES
    if args.smoke:
        sizes = (4, 8)
        network = network.model_copy(update=SMOKE_WIDTHS | {"attention_levels": 1})
    limit = sizes[-1] if args.smoke or args.compile_only else None
    faces = load_faces(args.packed / "faces.zip", image_size, limit)
    log = partial(job_log.write, args.out / "job.jsonl", "faces")
    torch.backends.cudnn.benchmark = True  # fastest algorithms; the stages use deterministic ones
    set_seed(profile.seed)
    accelerator = Accelerator(mixed_precision="bf16")
    unet = make_unet(network, image_size, conditional=False).to(accelerator.device)
    initial = {name: tensor.clone() for name, tensor in unet.state_dict().items()}
    num_steps = 2 if args.smoke or args.compile_only else 40

    def make_task(module: nn.Module) -> FaceTask:
        return FaceTask(module, betas, network)

    measure = partial(
        search_batch_size,
        unet,
        faces.training,
        profile,
        accelerator=accelerator,
        make_task=make_task,
        num_steps=num_steps,
    )
    if args.compile_only:
        compile_in_place(unet)
        for size in reversed(sizes):  # the larger one is more likely to be used, and this process may be killed
            measure((size,))
        return
    rates = measure(sizes)  # eager, because compiling takes most of a minute for each batch size
    batch_size = max(size for size in rates if rates[size] >= PAYS * rates.get(size // 2, 0))
    parameters = sum(parameter.numel() for parameter in unet.parameters())
    log("batch sizes", images_per_second=rates, chosen=batch_size, parameters=parameters)
    if args.compile:
        compile_in_place(unet)
        rates |= measure((batch_size,))
        log("compiled", images_per_second=rates[batch_size])
    unet.load_state_dict(initial)

    left = 4.0 if args.smoke else deadline - time.monotonic()
    total = left * MARGIN * rates[batch_size]
    repeats = max(1, round(total / (40 * len(faces.training))))  # about 40 epochs with one validation each
    images = faces.training.repeat(repeats, 1, 1, 1)
    params = training_params(profile, batch_size, max(1, int(total // len(images))), len(images))
    log("training", params=params.model_dump(), images=len(faces.training), repeats=repeats, planned_seconds=left)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        num_steps = params.num_epochs * (len(images) // batch_size)
        every = max(1, round(20 * rates[batch_size] / batch_size))  # 20 seconds
        checkpoint = RollingCheckpoint(Path(folder), checkpoint_every=every, log_every=max(1, num_steps // 200))
        task = FaceTask(unet, betas, network, deadline)
        try:
            fit(task, {"images": images}, params, accelerator, checkpoint, {"images": faces.validation})
        except OutOfTime:
            log("out of time", allowed="the weights of the last checkpoint, before the learning rate was 0")
            load_last_average(task, checkpoint)
        seconds = time.monotonic() - began
        save(unet, betas, network, args.out / "faces")
        shutil.copy(checkpoint.log, args.out / "faces/train_log.jsonl")
        log("left out", checkpoint=f"{checkpoint.file.stat().st_size} bytes")
    write_held_out(faces.held_out, args.out / "faces")
    log("trained", seconds=round(seconds, 1), **last_line(args.out / "faces/train_log.jsonl"))
    steps = 3 if args.smoke else 50
    sample_grid(args.out / "faces", args.out / "faces.png", accelerator.device, steps, profile.seed)
    log("sampled", count=NUM_SAMPLES, sampler="ddim", eta=0.0, num_inference_steps=steps, seed=profile.seed)


def training_params(profile: TrainingParams, batch_size: int, num_epochs: int, num_images: int) -> TrainingParams:
    """`faces.training` of the profile, with another batch size and number of epochs."""
    num_steps = num_epochs * (num_images // batch_size)
    horizon = max(0.5, 1 - 30 / max(num_steps, 1))  # of the moving average: at most a thirtieth of the steps
    return profile.model_copy(
        update={
            "num_epochs": num_epochs,
            "batch_size": batch_size,
            "learning_rate": profile.learning_rate * (batch_size / profile.batch_size) ** 0.5,  # Adam's noise scale
            "warmup_steps": min(profile.warmup_steps, num_steps // 10),
            "ema_decay": min(profile.ema_decay or 1.0, horizon),
        }
    )


def search_batch_size(
    unet: UNet2DModel,
    images: Tensor,
    profile: TrainingParams,
    sizes: tuple[int, ...],
    *,
    accelerator: Accelerator,
    make_task: Callable[[nn.Module], FaceTask],
    num_steps: int,
) -> dict[int, float]:
    """Images per second of `fit` at each batch size, up to the first one without enough speedup."""
    rates: dict[int, float] = {}
    for size in sizes:
        if size > len(images):
            break
        count = size * (num_steps + WARM_UP + 1)
        data = {"images": images.repeat(-(-count // len(images)), 1, 1, 1)[:count]}
        params = training_params(profile, size, 1, count)

        def train(module: nn.Module, data: dict[str, Tensor] = data, params: TrainingParams = params) -> None:
            with tempfile.TemporaryDirectory() as folder:
                fit(make_task(module), data, params, accelerator, RollingCheckpoint(Path(folder)))

        rates[size] = round(measured_rate(train, unet, size, num_steps), 1)
        if rates[size] < PAYS * rates.get(size // 2, 0):
            break
    if not rates:
        raise ValueError(f"found {len(images)} training images, allowed: at least {sizes[0]}")
    return rates


def load_last_average(task: FaceTask, checkpoint: RollingCheckpoint) -> None:
    state = checkpoint.load()
    if state is None:
        raise OutOfTime("before the first checkpoint")
    prefix = "module."
    averaged = {name.removeprefix(prefix): value for name, value in state["ema"].items() if name.startswith(prefix)}
    task.load_state_dict(averaged)


def save(unet: UNet2DModel, betas: Tensor, network: NetworkParams, folder: Path) -> None:
    """Save the averaged weights in fp16."""
    parameterization = {"prediction_type": network.prediction_type, "patch_size": network.patch_size}
    save_model_folder(folder, "UnconditionalPipeline", {"unet": make_like(unet).half()}, betas, **parameterization)


def make_like(unet: UNet2DModel) -> UNet2DModel:
    """The same network on the CPU, uncompiled."""
    copy = UNet2DModel.from_config(unet.config)
    assert isinstance(copy, UNet2DModel)
    copy.load_state_dict(unet.state_dict())
    return copy


def last_line(log: Path) -> dict[str, str]:
    lines = log.read_text(encoding="utf-8").splitlines()
    return {"last_lines": " ".join(lines[-2:])}


def sample_grid(folder: Path, path: Path, device: torch.device, num_steps: int, seed: int) -> None:
    """Save samples of the written weights, from the first noises of the noise bank of `seed`, without selection."""
    pipeline = UnconditionalPipeline.from_folder(folder).to(device, torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    generators = bank_generators(seed, range(NUM_SAMPLES))
    images = pipeline(NUM_SAMPLES, generator=generators, sampler="ddim", num_inference_steps=num_steps).images
    size = pipeline.image_size
    grid = Image.new("RGB", (COLUMNS * size, -(-NUM_SAMPLES // COLUMNS) * size))
    for number, image in enumerate(images):
        grid.paste(image, (number % COLUMNS * size, number // COLUMNS * size))
    grid.save(path)


if __name__ == "__main__":
    main()
