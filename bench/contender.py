"""The interface of the trainings that `bench.quality` compares."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Requests:
    """The images to sample: image i shows `digits[i]` of `domains[i]`, unless the contender is unconditional."""

    domains: list[str]
    digits: list[int]

    def __len__(self) -> int:
        return len(self.digits)


@dataclass(frozen=True)
class Begun:
    """A training that is ready to start: `train` makes one forward pass of `network` per step.

    `sample` samples images (N, 3, S, S) uint8 with the current weights, by name of the sampling method.
    """

    network: nn.Module
    train: Callable[[], None]
    sample: Callable[[Requests], dict[str, Tensor]]


@dataclass(frozen=True)
class Contender:
    """`begin(num_steps)` creates a training of `num_steps` steps with a new network.

    `needs_end`: the learning rate falls to 0 at the last step, so each budget needs its own training; otherwise one
    training is sampled at the end of each budget.
    """

    name: str
    batch_size: int
    needs_end: bool
    begin: Callable[[int], Begun]
