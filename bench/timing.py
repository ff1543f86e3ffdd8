"""Measurements in images per second, taken in turns, compared by the median of the ratios in each round."""

import io
import time
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from statistics import median

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

Measurement = Callable[[], float]  # performs a short run; returns images/s
Train = Callable[[Tensor, int], None]  # one epoch of images (N, 3, S, S) uint8, in batches


@contextmanager
def forward_times(network: nn.Module) -> Iterator[list[float]]:
    """The start times of the forward passes of `network` within the context."""
    times: list[float] = []
    handle = network.register_forward_pre_hook(lambda *_: times.append(time.perf_counter()))
    try:
        yield times
    finally:
        handle.remove()


def training_rate(train: Train, network: nn.Module, image_size: int, batch_size: int, num_steps: int) -> float:
    """Images per second of `train`, a training loop around `network`, in a run of `num_steps` + 2 steps.

    Measured from the start of the second step to that of the last, so that one-time work does not count.
    """
    images = random_images((num_steps + 2) * batch_size, image_size)
    with forward_times(network) as times, quiet():
        train(images, batch_size)
    return num_steps * batch_size / (times[-1] - times[1])


def sampling_rate(sample: Callable[[], Sized]) -> float:
    """Images per second of one call of `sample`."""
    start = time.perf_counter()
    with quiet():
        count = len(sample())
    return count / (time.perf_counter() - start)


def random_images(count: int, image_size: int) -> Tensor:
    """Random images (count, 3, image_size, image_size) uint8."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, 3, image_size, image_size), dtype=torch.uint8, generator=generator)


def in_turns(measurements: dict[str, Measurement], rounds: int) -> dict[str, list[float]]:
    """The values of all measurements in each round, taken in turns so that a slower machine affects all of them."""
    rates: dict[str, list[float]] = {name: [] for name in measurements}
    for _ in range(rounds):
        for name, measure in measurements.items():
            rates[name].append(measure())
    return rates


def compared(ours: list[float], theirs: list[float]) -> str:
    """Ours ÷ theirs as text: median and range over the rounds."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def row(*cells: object) -> None:
    """One line of a Markdown table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def header(*names: str) -> None:
    row(*names)
    row(*["---"] * len(names))


@contextmanager
def quiet() -> Iterator[None]:
    """Hide progress bars without disabling them, so that their cost counts as it does for users."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield


def size(network: nn.Module) -> str:
    """The number of parameters of a network, in millions."""
    return f"{sum(p.numel() for p in network.parameters()) / 1e6:.2f} M"


def flops(call: Callable[[], object]) -> int:
    """Floating-point operations of the matrix products and convolutions in `call`."""
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()
