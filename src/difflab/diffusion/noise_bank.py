"""The noise bank, and samplings that resume: an image depends on its seed and its number alone."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

from difflab.diffusion.shares import B, InParts, first_folder, share_of_batches, wait_for_others
from difflab.pipeline.files import remove
from difflab.pipeline.progress import image_bar
from difflab.pipeline.resume import Damaged, hashed_read, hashed_write, locked_folder, say
from difflab.pipeline.run_records import running_stage
from difflab.pipeline.work_folders import SAMPLES, empty


def bank_generators(seed: int, images: Iterable[int]) -> list[torch.Generator]:
    """One CPU generator for each image number: its first draw is the starting noise, what follows the step noises.

    An image depends on (seed, i) alone, not on batch size, device count or order. Its generator's seed is h(seed) + i
    modulo 2³², h being NumPy's SeedSequence: PyTorch's CPU generator reads only 32 bits of a seed, so that hashing i as
    well would give two of 10,000 images the same noise in one run out of a hundred.
    """
    (start,) = np.random.SeedSequence(seed).generate_state(1, np.uint32)
    return [torch.Generator().manual_seed((int(start) + i) % 2**32) for i in images]


@contextmanager
def resumable_batches(
    name: str,
    params: Any,
    inputs: Sequence[Path],
    batches: Sequence[B],
    draw: Callable[[B], dict[str, Tensor]],
) -> Iterator[Iterator[tuple[B, dict[str, Tensor]]]]:
    """Iterate over `batches` with the tensors that `draw` makes of each; an interrupted run resumes at its batch.

        with resumable_batches("sample-x", [compute, params], [Path("models/x")], batches, draw) as drawn:
            with atomic_write(Path("samples/x")) as folder:
                for batch, tensors in drawn:
                    ...

    `draw` returns tensors whose first dimension are the images of its batch, or of the part of it that fits the memory
    (see `InParts`). Each batch drawn is kept in a file of `.cache/samples/STAGE/NAME-KEY/` and comes from there, on the
    CPU, so that an interrupted run ends in the bytes of an uninterrupted one, as long as `draw` depends on its batch,
    `params` and `inputs` alone: its generators have to be made inside it, from seeds (see `bank_generators`). A file
    that is damaged is named on stderr and drawn again. All are removed when the stage has finished or, outside of one,
    when the block ends without an error, so write the output inside the block.

    `params`: all that the batches and their drawing depend on (pydantic models, lists, numbers), the batch size too.
    `inputs`: the files and folders they depend on, such as the model's. `batches`: lists or ranges of images; their
    lengths are what the progress bar counts. A second process with the same configuration waits for the first, but
    processes that torchrun or `accelerate launch` has started share the batches, and each iterates over all.
    """
    with locked_folder(SAMPLES, name, params, inputs) as own:
        folder = first_folder(own)
        files = {folder / f"{number:06d}.safetensors": batch for number, batch in enumerate(batches)}
        in_parts = InParts(draw)
        _draw_share(files, in_parts)
        wait_for_others()
        yield ((batch, _kept(path) or _keep(path, in_parts(batch))) for path, batch in files.items())
        wait_for_others()
        if not running_stage():
            empty(own)


def _draw_share(files: dict[Path, B], draw: Callable[[B], dict[str, Tensor]]) -> None:
    """Draw what is missing of this process's share of the batches."""
    share = list(files.items())[share_of_batches()]
    done = sum(len(batch) for path, batch in share if path.exists())
    with image_bar("sampling", done, sum(len(batch) for _, batch in share)) as bar:
        for path, batch in share:
            if not path.exists():
                _keep(path, draw(batch))
                bar.update(len(batch))


def _kept(path: Path) -> dict[str, Tensor] | None:
    try:
        with hashed_read(path) as file:
            return load(file.read())
    except Damaged as error:
        say(f"{error}; its images are drawn again")
        remove(path)
        return None


def _keep(path: Path, drawn: dict[str, Tensor]) -> dict[str, Tensor]:
    # safetensors takes no views.
    content = save({name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in drawn.items()})
    with hashed_write(path) as file:
        file.write(content)
    return load(content)
