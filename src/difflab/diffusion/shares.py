"""Split sampling: batches into parts that fit into memory, and the work among the processes of a stage."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

from difflab.pipeline.resume import say


class Batch(Protocol):
    """Images that are sampled together: a list, a range, or any type with a length and slices of the same type."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> Any: ...


B = TypeVar("B", bound=Batch)


class InParts(Generic[B]):
    """Call `draw` with as many images at once as fit into memory; the number is halved each time it runs out.

    `draw` takes a batch and returns tensors with one row for each image, which must depend only on that image's entry
    of the batch. If a single image does not fit, raises its out-of-memory error.
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
    """The batches of this process: every n-th, with n processes started by torchrun or `accelerate launch`."""
    return slice(int(os.environ.get("RANK", "0")), None, int(os.environ.get("WORLD_SIZE", "1")))


def first_folder(folder: Path) -> Path:
    """Broadcast the first process's `folder` to all processes."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return folder
    from accelerate.utils import broadcast_object_list

    return Path(broadcast_object_list([str(folder.absolute())])[0])


def wait_for_others() -> None:
    """Wait until all processes have reached this call."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()
