"""Images per second of `fit` and of diffusers' training loop, on the networks of the paper profile.

One process measures them in turns, in fp32 and bf16, eager and, for the largest network, compiled. The loops are those
of bench/, with the same network, batch size, AdamW, clipping and moving average. diffusers' example reads images in the
main process; a second row is with worker processes. "deterministic" is the mode in which the stages call `fit`.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import difflab  # noqa: F401  isort: skip (before diffusers: makes torchvision importable)

# isort: split

import torch
from accelerate.state import AcceleratorState
from diffusers import UNet2DModel
from torch.utils.data import DataLoader

from bench import with_difflab, with_diffusers
from bench.timing import compared, header, in_turns, quiet, random_images, row, size
from difflab.config.diffusion import NetworkParams
from difflab.config.load import load_section
from difflab.diffusion.unet import make_unet
from gpu import job_log
from gpu.clock import WARM_UP, compile_in_place, measured_rate

RECIPES = ("unconditional-800", "mnistm-linear", "onehot-350")  # most important first, because time may run out
COMPILED = RECIPES[0]
IMAGE_SIZE, BATCH_SIZE, ROUNDS = 28, 256, 3
RUN = 0.8  # seconds for one measurement
MOST_STEPS = 80
WORKERS = 8
SMOKE_WIDTHS = {"block_out_channels": [8, 8], "norm_num_groups": 4, "attention_head_dim": 8, "layers_per_block": 1}


@contextmanager
def deterministic() -> Iterator[None]:
    """Deterministic mode, as set by `make_accelerator` for every stage."""
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic = before


def with_workers(count: int) -> Any:
    """diffusers' loop with `count` worker processes that read images."""
    return mock.patch.object(with_diffusers, "DataLoader", partial(DataLoader, num_workers=count))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packed", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--compile-only", action="store_true", help="fill Inductor's cache, and write nothing")
    args = parser.parse_args()
    deadline = time.monotonic() + args.seconds - 10
    cases = [(recipe, precision, False) for recipe in RECIPES for precision in ("fp32", "bf16")]
    if args.compile:
        cases[2:2] = [(COMPILED, precision, True) for precision in ("bf16", "fp32")]
    if args.smoke:
        cases = [case for case in cases if case[0] == COMPILED]
    if args.compile_only:
        cases = [case for case in cases if case[2]]
    else:
        header("network", "precision", "loop", "images/s", "fit ÷ this (range)")
    for recipe, precision, compiled in cases:
        if time.monotonic() > deadline:
            print(f"no time left for {recipe}, {precision}, compiled: {compiled}")
            continue
        unet = paper_unet(args.packed / "paper.yaml", recipe, args.smoke)
        os.environ["ACCELERATE_MIXED_PRECISION"] = "no" if precision == "fp32" else precision
        AcceleratorState._reset_state(reset_partial_state=True)
        if compiled:
            compile_in_place(unet)
        if args.compile_only:
            warm_up(unet)
        else:
            compare(unet, recipe, precision, compiled, args.smoke, args.out / "job.jsonl")


def paper_unet(params: Path, recipe: str, smoke: bool) -> UNet2DModel:
    network = load_section(NetworkParams, f"recipes.{recipe}.network", params)
    if smoke:
        network = network.model_copy(update=SMOKE_WIDTHS)
    torch.manual_seed(0)
    return make_unet(network, IMAGE_SIZE, conditional=False)


def warm_up(unet: UNet2DModel) -> None:
    rate(with_difflab.train, nullcontext, unet, BATCH_SIZE, 1)


def compare(unet: UNet2DModel, recipe: str, precision: str, compiled: bool, smoke: bool, log: Path) -> None:
    """Measure the loops in turns; print and log their rows."""
    batch_size = 4 if smoke else BATCH_SIZE
    loops: dict[str, tuple[Callable[..., None], Callable[[], Any]]] = {
        "fit": (with_difflab.train, nullcontext),
        "fit, deterministic": (with_difflab.train, deterministic),
        "diffusers": (with_diffusers.train, nullcontext),
        f"diffusers, {1 if smoke else WORKERS} workers": (
            with_diffusers.train,
            partial(with_workers, 1 if smoke else WORKERS),
        ),
    }
    measurements = {}
    for name, (train, context) in loops.items():
        num_steps = 1
        if not smoke:
            pilot = rate(train, context, unet, batch_size, num_steps=5)
            num_steps = min(MOST_STEPS, max(5, round(RUN * pilot / batch_size)))
        measurements[name] = partial(rate, train, context, unet, batch_size, num_steps)
    rates = in_turns(measurements, 1 if smoke else ROUNDS)
    label = f"{recipe} ({size(unet)}){', compiled' if compiled else ''}"
    for name in loops:
        row(label, precision, name, f"{median(rates[name]):.0f}", compared(rates["fit"], rates[name]))
    case = {"recipe": recipe, "precision": precision, "compiled": compiled, "batch_size": batch_size}
    job_log.write(log, "loops", "rates", **case, images_per_second=rates)


def rate(
    train: Callable[..., None], context: Callable[[], Any], unet: UNet2DModel, batch_size: int, num_steps: int
) -> float:
    """Images per second of one run of a loop."""
    images = random_images((num_steps + WARM_UP + 1) * batch_size, IMAGE_SIZE)
    with context(), quiet():
        return measured_rate(partial(train, images=images, batch_size=batch_size), unet, batch_size, num_steps)


if __name__ == "__main__":
    main()
