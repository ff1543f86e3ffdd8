"""Communication between the processes of a training."""

# accelerate's operations take and return nested containers.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false

import io
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast


def from_first(state: dict[str, Any] | None, accelerator: Accelerator) -> dict[str, Any] | None:
    """Broadcast the first process's `state` (dicts, lists, tensors, numbers, strings) to all processes, on the CPU."""
    if accelerator.num_processes == 1:
        return state
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8).to(accelerator.device)
    size = broadcast(torch.tensor(len(content), device=accelerator.device))
    if not accelerator.is_main_process:
        content = torch.empty(int(size), dtype=torch.uint8, device=accelerator.device)
    return torch.load(io.BytesIO(broadcast(content).cpu().numpy().tobytes()), weights_only=True)
