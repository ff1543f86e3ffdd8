"""The images in each training batch."""

import numpy as np
import torch
from torch import Tensor

from difflab.errors import UserError


class Batches:
    """Batch indices that depend only on (seed, step), so that no position has to be saved.

    Epoch e is a permutation from a generator seeded with (seed, e); a smaller last batch is dropped. Raises UserError
    when a batch is larger than the data.
    """

    def __init__(self, num_images: int, batch_size: int, seed: int, device: torch.device | str = "cpu"):
        if batch_size > num_images:
            raise UserError(f"training.batch_size: found {batch_size}, allowed: 1 to {num_images}, the training images")
        self.num_images, self.batch_size, self.seed, self.device = num_images, batch_size, seed, device
        self.per_epoch = num_images // batch_size
        self._epoch = -1

    def __getitem__(self, step: int) -> Tensor:
        """Indices of the batch of `step` (0, 1, …), shape (batch_size,), int64, on `device`."""
        epoch, position = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            permutation = np.random.default_rng([self.seed, epoch]).permutation(self.num_images)
            self._epoch, self._permutation = epoch, torch.from_numpy(permutation).to(self.device)
        return self._permutation[position * self.batch_size : (position + 1) * self.batch_size]
