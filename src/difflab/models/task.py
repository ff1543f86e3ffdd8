"""The interface of training objectives."""

from torch import Generator, Tensor, nn


class Task(nn.Module):
    """A training objective in two steps: `draw` draws the random numbers of a whole batch, `forward` is the mean loss.

    So an image gets the same noise whether its batch passes through the network at once, in parts or in several
    processes, and a compiled `forward` contains no generator.
    """

    # True if the loss of an image depends on the others (batch norm, contrastive loss): then every process computes the
    # whole batch.
    joins_images = False
    # Networks that are not trained but pass gradients; `fit` neither saves nor averages them.
    frozen: tuple[nn.Module, ...] = ()

    def draw(self, batch: dict[str, Tensor], generator: Generator) -> dict[str, Tensor]:
        """The input of `forward`: the tensors of `batch`, all with first dimension N, and random numbers.

        `generator` is on the device of the tensors.
        """
        return batch
