"""The noise bank, and samplings that resume: an image depends on its seed and its number alone."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

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


Batch = TypeVar("Batch", bound=Sized)


@contextmanager
def resumable_batches(
    name: str,
    params: Any,
    inputs: Sequence[Path],
    batches: Sequence[Batch],
    draw: Callable[[Batch], dict[str, Tensor]],
) -> Iterator[Iterator[tuple[Batch, dict[str, Tensor]]]]:
    """Iterate over `batches` with the tensors that `draw` makes of each; an interrupted run resumes at its batch.

        with resumable_batches("sample-x", [compute, params], [Path("models/x")], batches, draw) as drawn:
            with atomic_write(Path("samples/x")) as folder:
                for batch, tensors in drawn:
                    ...

    Each batch drawn is kept in a file of `.cache/samples/STAGE/NAME-KEY/` and comes from there, on the CPU, so that an
    interrupted run ends in the bytes of an uninterrupted one, as long as `draw` depends on its batch, `params` and
    `inputs` alone: its generators have to be made inside it, from seeds (see `bank_generators`). A file that is
    damaged is named on stderr and drawn again. All are removed when the stage has finished or, outside of one, when the
    block ends without an error, so write the output inside the block.

    `params`: all that the batches and their drawing depend on (pydantic models, lists, numbers), the batch size too.
    `inputs`: the files and folders they depend on, such as the model's. `batches`: lists or ranges of images; their
    lengths are what the progress bar counts. A second process with the same configuration waits for the first.
    """
    with locked_folder(SAMPLES, name, params, inputs) as folder:
        yield _drawn(folder, batches, draw)
        if not running_stage():
            empty(folder)


def _drawn(
    folder: Path, batches: Sequence[Batch], draw: Callable[[Batch], dict[str, Tensor]]
) -> Iterator[tuple[Batch, dict[str, Tensor]]]:
    files = {folder / f"{number:06d}.safetensors": batch for number, batch in enumerate(batches)}
    done = sum(len(batch) for file, batch in files.items() if file.exists())
    with image_bar("sampling", done, sum(map(len, batches))) as bar:
        for path, batch in files.items():
            is_new = not path.exists()
            tensors = None if is_new else _kept(path)
            if tensors is None:
                tensors = _keep(path, draw(batch))
                bar.update(len(batch) if is_new else 0)
            yield batch, tensors


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
