"""Images per second of a training loop on a device that computes asynchronously."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
import torch._dynamo
from torch import nn

WARM_UP = 3  # steps before the measurement: they select algorithms, compile and fill queues


class Clock(nn.Module):
    """Forwards calls to `network` and records the start times of two of them, after all earlier work has finished."""

    def __init__(self, network: nn.Module, num_steps: int):
        super().__init__()
        self.network, self.measured = network, (WARM_UP, WARM_UP + num_steps)
        self.calls, self.times = 0, []

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        if self.calls in self.measured:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.times.append(time.perf_counter())
        self.calls += 1
        return self.network(*args, **kwargs)


def compile_in_place(network: nn.Module) -> None:
    """Compile the forward and backward pass; weight names do not change. What cannot be compiled runs eagerly."""
    torch._dynamo.config.suppress_errors = True
    network.compile(dynamic=False)  # one graph for each batch size: a dynamic graph is slower


def measured_rate(train: Callable[[nn.Module], None], network: nn.Module, batch_size: int, num_steps: int) -> float:
    """Images per second of `train`, a loop of `WARM_UP + num_steps + 1` steps around its argument."""
    clock = Clock(network, num_steps)
    train(clock)
    begin, end = clock.times
    return num_steps * batch_size / (end - begin)
