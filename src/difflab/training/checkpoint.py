"""Rolling checkpoints, in `.cache/checkpoints/`: what lets a killed training continue and end in the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from difflab.outputs import written_whole
from difflab.resume import locked_folder, written_durably

ROOT = Path(".cache/checkpoints")


@dataclass(frozen=True)
class RollingCheckpoint:
    """One file, replaced atomically, and the log and snapshots that belong to it."""

    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "train_log.jsonl"

    @property
    def snapshots(self) -> Path:
        return self.folder / "snapshots"

    def save_snapshot(self, step: int, weights: dict[str, Tensor]) -> None:
        """Keep the weights of one step for good."""
        with written_whole(self.snapshots / f"step_{step:06d}.safetensors") as partial:
            save_file(weights, partial)

    def save(self, state: dict[str, Any]) -> None:
        """Keep tensors, numbers and strings in dicts and lists. A kill at any moment leaves the old file or the new."""
        with written_durably(self.folder / "checkpoint.pt") as file:
            torch.save(state, file)

    def load(self) -> dict[str, Any] | None:
        """The last saved state, on the CPU, or None before the first."""
        path = self.folder / "checkpoint.pt"
        return torch.load(path, weights_only=True, map_location="cpu") if path.exists() else None


@contextmanager
def rolling_checkpoint(
    stage: str, params: Any, inputs: Sequence[Path], root: Path = ROOT
) -> Iterator[RollingCheckpoint]:
    """The checkpoint of this stage in this configuration, locked against a second process, which waits.

    `params` and `inputs` are all that the training depends on; see `locked_folder`.
    """
    with locked_folder(root, stage, params, inputs) as folder:
        yield RollingCheckpoint(folder)
