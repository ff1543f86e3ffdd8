"""Device, precision, threads and compilation of a stage."""

from __future__ import annotations

import math

import torch
from accelerate import Accelerator
from torch import nn

from difflab.config.training import Compilation, ComputeParams
from difflab.errors import UserError
from difflab.pipeline.resume import say

# Number of parameters times number of images, from which training takes about twenty times as long as compilation (a
# minute or two).
LONG = {"cpu": 1e12, "cuda": 1e14}


def make_accelerator(params: ComputeParams) -> Accelerator:
    """An accelerator for the best available device; sets CPU threads and deterministic cuDNN for the process."""
    torch.set_num_threads(params.threads)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    return Accelerator(mixed_precision="bf16" if autocasts_to_bf16(params) else "no")


def frozen_dtype(accelerator: Accelerator) -> torch.dtype:
    """Data type for frozen networks: bfloat16 if they compute in bf16 anyway, to halve their memory, else float32."""
    return torch.bfloat16 if accelerator.mixed_precision == "bf16" else torch.float32


def autocasts_to_bf16(params: ComputeParams) -> bool:
    """Whether to autocast to bf16; `auto` does on GPUs with bf16 hardware, and never on CPUs.

    So results on different CPUs differ only by rounding.
    """
    if params.mixed_precision == "auto":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    return params.mixed_precision == "bf16"


def compiles(compilation: Compilation, network: nn.Module, num_images: int, device: torch.device) -> bool:
    """Whether to compile a training that passes `num_images` through `network`; compilation changes rounding.

    `auto` compiles long trainings, judged by the numbers of images and parameters, so that the choice is reproducible.
    Without a C++ compiler on a CPU, `always` raises UserError and `auto` prints a line on stderr.
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
    from torch._inductor.cpp_builder import get_cpp_compiler  # slow to import: a second
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        return bool(get_cpp_compiler())
    except InvalidCxxCompiler:
        return False
