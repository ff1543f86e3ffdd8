"""Training batches, from data on the training device or prefetched if the data are too large."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from difflab.data.large import fits_memory
from difflab.training.batches import Batches


class Loader:
    """`loader[step]` is the batch of a step: the same rows of each tensor of `data`, on `device`.

    Data within `runtime.in_memory_limit` are moved to `device`. Larger data stay where they are, for example in a file,
    and a thread prefetches the next batch.

    Raises UserError when a batch is larger than the data.
    """

    def __init__(self, data: Mapping[str, Tensor], batch_size: int, seed: int, device: torch.device):
        self.device, self.fits = device, fits_memory(sum(tensor.nbytes for tensor in data.values()))
        place = device if self.fits else torch.device("cpu")
        self.data = {name: tensor.to(place) for name, tensor in data.items()}
        self.batches = Batches(len(next(iter(data.values()))), batch_size, seed, place)
        self.thread = ThreadPoolExecutor(1)  # starts with the first task
        self.ahead: dict[int, Future[dict[str, Tensor]]] = {}

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        if self.fits:
            return self._rows_of(step)
        batch = self.ahead.pop(step, None) or self.thread.submit(self._rows_of, step)
        self.ahead = {step + 1: self.thread.submit(self._rows_of, step + 1)}
        return {name: tensor.to(self.device, non_blocking=True) for name, tensor in batch.result().items()}

    def _rows_of(self, step: int) -> dict[str, Tensor]:
        rows = self.batches[step]
        batch = {name: tensor[rows] for name, tensor in self.data.items()}
        if self.fits or self.device.type != "cuda":
            return batch
        return {name: tensor.pin_memory() for name, tensor in batch.items()}  # copied asynchronously
