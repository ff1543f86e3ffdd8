"""Device, precision and threads of a stage, through accelerate."""

from __future__ import annotations

import torch
from accelerate import Accelerator

from difflab.params import ComputeParams


def computes_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 matrices in hardware, so that autocast to bf16 is faster."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def make_accelerator(params: ComputeParams) -> Accelerator:
    """An accelerator for the best device here; sets the CPU threads and deterministic algorithms for the process."""
    torch.set_num_threads(params.threads)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    precision = params.mixed_precision
    if precision == "auto":
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        precision = "bf16" if computes_bf16(device) else "no"
    return Accelerator(mixed_precision=precision)
