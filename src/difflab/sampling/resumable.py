"""Long samplings that a kill only interrupts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from difflab.progress import image_bar
from difflab.resume import locked_folder, written_durably

ROOT = Path(".cache/samples")
Batch = TypeVar("Batch", bound=Sized)


@contextmanager
def drawn_batches(
    stage: str,
    params: Any,
    inputs: Sequence[Path],
    batches: Sequence[Batch],
    draw: Callable[[Batch], dict[str, Tensor]],
    root: Path = ROOT,
) -> Iterator[Iterator[tuple[Batch, dict[str, Tensor]]]]:
    """Go through `batches` with what `draw` makes of each; after a kill, go on with the batch that was being drawn.

        with drawn_batches("sample-x", [compute, params], [Path("models/x")], batches, draw) as drawn:
            with written_whole(Path("samples/x")) as folder:
                for batch, tensors in drawn:
                    ...

    Each batch drawn is kept in a file of `.cache/samples/STAGE-KEY/` and comes from there, on the CPU, so that an
    interrupted run ends in the bytes of an uninterrupted one, as long as `draw` depends on its batch, `params` and
    `inputs` alone: its generators have to be made inside it, from seeds (see `bank_generators`). When the block ends
    without an error the folder is removed, so write the stage's output inside the block.

    `params`: all that the batches and their drawing depend on (pydantic models, lists, numbers), the batch size too.
    `inputs`: the files and folders they depend on, such as the model's. `batches`: lists or ranges of images; their
    lengths are what the progress bar counts. A second process with the same configuration waits for the first.
    """
    with locked_folder(root, stage, params, inputs) as folder:
        yield _drawn(folder, batches, draw)
        shutil.rmtree(folder)


def _drawn(
    folder: Path, batches: Sequence[Batch], draw: Callable[[Batch], dict[str, Tensor]]
) -> Iterator[tuple[Batch, dict[str, Tensor]]]:
    files = {folder / f"{number:06d}.safetensors": batch for number, batch in enumerate(batches)}
    done = sum(len(batch) for file, batch in files.items() if file.exists())
    with image_bar("sampling", done, sum(map(len, batches))) as bar:
        for path, batch in files.items():
            if not path.exists():
                drawn = draw(batch)
                # safetensors takes no views.
                whole = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in drawn.items()}
                with written_durably(path) as file:
                    file.write(save(whole))
                bar.update(len(batch))
            yield batch, load_file(path)
