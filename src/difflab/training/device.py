"""Device, precision and threads of a stage, through accelerate."""

from __future__ import annotations

import math

import torch
from accelerate import Accelerator
from torch import nn

from difflab.config.training import Compilation, ComputeParams
from difflab.errors import UserError
from difflab.pipeline.resume import say

# Parameters times images of a training that takes about twenty times as long as its compilation, of a minute or two.
LONG = {"cpu": 1e12, "cuda": 1e14}


def make_accelerator(params: ComputeParams) -> Accelerator:
    """An accelerator for the best device here; sets the CPU threads and deterministic algorithms for the process."""
    torch.set_num_threads(params.threads)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    return Accelerator(mixed_precision="bf16" if autocasts_to_bf16(params) else "no")


def frozen_dtype(accelerator: Accelerator) -> torch.dtype:
    """Of networks that are used in a training and not trained: half the memory where they compute in bf16 anyway."""
    return torch.bfloat16 if accelerator.mixed_precision == "bf16" else torch.float32


def autocasts_to_bf16(params: ComputeParams) -> bool:
    """`auto`: bf16 on GPUs that multiply it in hardware, fp32 on every CPU, so that CPUs differ by rounding alone."""
    if params.mixed_precision == "auto":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    return params.mixed_precision == "bf16"


def compiles(compilation: Compilation, network: nn.Module, num_images: int, device: torch.device) -> bool:
    """Whether a training that passes `num_images` through `network` is compiled, which changes the rounding of results.

    `auto` does so for long trainings, by their number of images and parameters: equal trainings have equal results.
    Raises UserError where `always` meets a machine without a compiler; `auto` says so on stderr.
    """
    num_parameters = sum(weights.numel() for weights in network.parameters())
    long = num_parameters * num_images >= LONG.get(device.type, math.inf)
    if compilation == "never" or (compilation == "auto" and not long):
        return False
    if device.type != "cpu" or _has_compiler():
        return True
    problem = "no C++ compiler for torch.compile"
    if compilation == "always":
        raise UserError(f"compute.compile: found 'always', but {problem}; allowed: auto, never, or install g++")
    say(f"{problem}; the training is not compiled")
    return False


def _has_compiler() -> bool:
    from torch._inductor.cpp_builder import get_cpp_compiler  # a second to import
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        return bool(get_cpp_compiler())
    except InvalidCxxCompiler:
        return False
