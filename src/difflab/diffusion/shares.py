"""Who draws what: batches in parts that fit the memory, and shared among the processes of a stage."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

from difflab.pipeline.resume import say


class Batch(Protocol):
    """Images that are drawn together: a list, a range, or anything of a length whose slices are like it."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> Any: ...


B = TypeVar("B", bound=Batch)


class InParts(Generic[B]):
    """`draw`, called with as many images at once as the memory holds: half as many each time it is full.

    `draw`: takes a batch and returns tensors whose first dimension are its images, which depend on nothing but their
    own entries of the batch. Raises torch.OutOfMemoryError where a single image is too large.
    """

    def __init__(self, draw: Callable[[B], dict[str, Tensor]]):
        self.draw = draw
        self.most: int | None = None

    def __call__(self, batch: B) -> dict[str, Tensor]:
        from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size

        while True:
            size = min(len(batch), self.most or len(batch))
            try:
                parts = [self.draw(batch[start : start + size]) for start in range(0, len(batch), size)]
                return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
            except RuntimeError as error:
                if size == 1 or not should_reduce_batch_size(error):
                    raise
                self.most = size // 2
                say(f"{size} images at once do not fit the memory; {self.most} from now on")
            clear_device_cache(garbage_collection=True)


def share_of_batches() -> slice:
    """Those that this process draws: every n-th, of n processes that torchrun or `accelerate launch` has started."""
    return slice(int(os.environ.get("RANK", "0")), None, int(os.environ.get("WORLD_SIZE", "1")))


def first_folder(folder: Path) -> Path:
    """The `folder` of the first process, in all of them."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return folder
    from accelerate.utils import broadcast_object_list

    return Path(broadcast_object_list([str(folder.absolute())])[0])


def wait_for_others() -> None:
    """Return when all processes have called this as often as the present one."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()
