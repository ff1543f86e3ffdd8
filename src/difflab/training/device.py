"""Device, precision and threads of a stage, through accelerate."""

from __future__ import annotations

import torch
from accelerate import Accelerator

from difflab.config.training import ComputeParams


def make_accelerator(params: ComputeParams) -> Accelerator:
    """An accelerator for the best device here; sets the CPU threads and deterministic algorithms for the process."""
    torch.set_num_threads(params.threads)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    return Accelerator(mixed_precision="bf16" if autocasts_to_bf16(params) else "no")


def autocasts_to_bf16(params: ComputeParams) -> bool:
    """`auto`: bf16 on GPUs that multiply it in hardware, fp32 on every CPU, so that CPUs differ by rounding alone."""
    if params.mixed_precision == "auto":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    return params.mixed_precision == "bf16"
