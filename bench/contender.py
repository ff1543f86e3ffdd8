"""What `bench.quality` compares."""

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
    """A training that is ready to start: `train` makes one forward pass of `network` a step.

    `sample` takes the weights as they are then to images (N, 3, S, S) uint8, for each way to sample by its name.
    """

    network: nn.Module
    train: Callable[[], None]
    sample: Callable[[Requests], dict[str, Tensor]]


@dataclass(frozen=True)
class Contender:
    """`begin(num_steps)` makes a new training of so many steps, with a new network.

    `needs_end`: its learning rate falls to 0 at the last step, so that each budget takes a training of its own;
    otherwise one training is sampled whenever a budget is used up.
    """

    name: str
    batch_size: int
    needs_end: bool
    begin: Callable[[int], Begun]
