"""The noise bank, in which each image depends only on the seed and its number, and resumable sampling."""

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
    """One CPU generator for each image number: its first draw is the starting noise, later ones are the step noises.

    Image i depends only on (seed, i), not on batch size, device count or order. Its generator is seeded with
    h(seed) + i modulo 2³², where h is NumPy's SeedSequence. PyTorch's CPU generator uses only 32 bits of the seed: if i
    were hashed too, two of 10,000 images would have the same noise in one of a hundred runs.
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
    """Iterate over `batches` and the tensors that `draw` returns for each; an interrupted run resumes at its batch.

        with resumable_batches("sample-x", [compute, params], [Path("models/x")], batches, draw) as drawn:
            with atomic_write(Path("samples/x")) as folder:
                for batch, tensors in drawn:
                    ...

    The first dimension of the tensors that `draw` returns is the images of the batch, or of a part of it that fits into
    memory (see `InParts`). Each batch is saved to `.cache/samples/STAGE/NAME-KEY/` and yielded from there, on the CPU.
    An interrupted run is bit-identical to an uninterrupted one if `draw` depends only on its batch, `params` and
    `inputs`: it has to create its generators from seeds (see `bank_generators`). Damaged files are reported on stderr
    and sampled again. The files are removed when the stage has finished or, outside a stage, when the block ends
    without an error; so write the output inside the block.

    `params`: all parameters that the batches depend on (pydantic models, lists, numbers), including the batch size.
    `inputs`: the files and folders they depend on, such as the model. `batches`: lists or ranges of images; the
    progress bar counts their lengths. A second process with the same configuration waits for the first, but processes
    started by torchrun or `accelerate launch` share the work, and each iterates over all batches.
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
    """Sample the missing batches of this process's share."""
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
    # safetensors does not accept views.
    content = save({name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in drawn.items()})
    with hashed_write(path) as file:
        file.write(content)
    return load(content)
