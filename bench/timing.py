"""Measurements in images per second, taken in turns, and compared by the median of the ratios of each round."""

import io
import time
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from statistics import median

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

Measurement = Callable[[], float]  # a short run to its images/s
Train = Callable[[Tensor, int], None]  # one epoch of images (N, 3, S, S) uint8, in batches


@contextmanager
def forward_times(network: nn.Module) -> Iterator[list[float]]:
    """The times at which the forward passes of `network` start, for as long as the context lasts."""
    times: list[float] = []
    handle = network.register_forward_pre_hook(lambda *_: times.append(time.perf_counter()))
    try:
        yield times
    finally:
        handle.remove()


def training_rate(train: Train, network: nn.Module, image_size: int, batch_size: int, num_steps: int) -> float:
    """Images per second of `train`, a whole training loop around `network`, in a run of `num_steps` + 2 steps.

    Measured from the start of its second step to that of its last, so that what a loop does once does not count.
    """
    images = random_images((num_steps + 2) * batch_size, image_size)
    with forward_times(network) as times, quiet():
        train(images, batch_size)
    return num_steps * batch_size / (times[-1] - times[1])


def sampling_rate(sample: Callable[[], Sized]) -> float:
    """Images per second of one call."""
    start = time.perf_counter()
    with quiet():
        count = len(sample())
    return count / (time.perf_counter() - start)


def random_images(count: int, image_size: int) -> Tensor:
    """(count, 3, image_size, image_size) uint8."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, 3, image_size, image_size), dtype=torch.uint8, generator=generator)


def in_turns(measurements: dict[str, Measurement], rounds: int) -> dict[str, list[float]]:
    """What each measures in each round: a machine that slows down meanwhile slows all of them."""
    rates: dict[str, list[float]] = {name: [] for name in measurements}
    for _ in range(rounds):
        for name, measure in measurements.items():
            rates[name].append(measure())
    return rates


def compared(ours: list[float], theirs: list[float]) -> str:
    """Ours ÷ theirs, the median of the rounds and their range."""
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
    """Progress bars draw, as they do for their users, but nowhere."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield


def size(network: nn.Module) -> str:
    """Parameters of a network, in millions."""
    return f"{sum(p.numel() for p in network.parameters()) / 1e6:.2f} M"


def flops(call: Callable[[], object]) -> int:
    """Floating-point operations of the matrix products and convolutions of `call`."""
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()
