"""What `fit` trains: the interface of all objectives."""

from torch import Generator, Tensor, nn


class Task(nn.Module):
    """An objective in two steps: `draw` takes the random numbers of a whole batch, `forward` is the mean loss.

    So an image has the same noise whether its batch passes through the network at once or in parts, and a compiled
    network has no generator in it.
    """

    def draw(self, batch: dict[str, Tensor], generator: Generator) -> dict[str, Tensor]:
        """The arguments of `forward` for `batch`, tensors of one first dimension N; `generator` is on their device."""
        return batch
