"""What `fit` trains: the interface of all objectives."""

from torch import Generator, Tensor, nn


class Task(nn.Module):
    """An objective in two steps: `draw` takes the random numbers of a whole batch, `forward` is the mean loss.

    So an image has the same noise whether its batch passes through the network at once, in parts or in several
    processes, and a compiled network has no generator in it.
    """

    # Batch norm and contrastive losses do: then every process computes the whole batch.
    joins_images = False
    # Networks that the gradient passes through and that do not move; `fit` neither saves nor averages them.
    frozen: tuple[nn.Module, ...] = ()

    def draw(self, batch: dict[str, Tensor], generator: Generator) -> dict[str, Tensor]:
        """The arguments of `forward` for `batch`, tensors of one first dimension N; `generator` is on their device."""
        return batch
