"""Rolling checkpoints: what lets a killed training continue and end in the same bytes.

They live outside the pipeline's declared outputs, in `.cache/checkpoints/STAGE-KEY/`, where KEY hashes the parameters,
the input files and the code that trains: a changed configuration never continues an old run.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from pydantic_core import to_json
from safetensors.torch import save_file
from torch import Tensor

from difflab.outputs import written_whole

ROOT = Path(".cache/checkpoints")


def run_key(params: Any, inputs: Sequence[Path]) -> str:
    """Hash of the parameters, of the input files' bytes, and of every difflab module this process has imported."""
    digest = hashlib.sha256(torch.__version__.encode() + to_json(params))
    modules = [module for name, module in sorted(sys.modules.items()) if name.split(".")[0] == "difflab"]
    for path in [*inputs, *(Path(module.__file__) for module in modules if module.__file__)]:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


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
            save_file({name: tensor.contiguous() for name, tensor in weights.items()}, partial)

    def save(self, state: dict[str, Any]) -> None:
        """Keep tensors, numbers and strings in dicts and lists. A kill at any moment leaves the old file or the new."""
        partial = self.folder / "checkpoint.pt.partial"
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.folder / "checkpoint.pt")

    def load(self) -> dict[str, Any] | None:
        """The last saved state, on the CPU, or None before the first."""
        path = self.folder / "checkpoint.pt"
        return torch.load(path, weights_only=True, map_location="cpu") if path.exists() else None


@contextmanager
def rolling_checkpoint(
    stage: str, params: Any, inputs: Sequence[Path], root: Path = ROOT
) -> Iterator[RollingCheckpoint]:
    """The checkpoint of this stage in this configuration, locked against a second process, which waits.

    `params` is anything of pydantic models, dicts, lists and numbers that the training depends on.

    An orphan of a killed pipeline may still be training: waiting for it, then continuing from its last checkpoint, is
    right whether it finishes or dies. The lock is the operating system's, so it ends with the process that holds it.
    """
    folder = root / f"{stage}-{run_key(params, inputs)}"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"waiting for the process that is already training in {folder}", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield RollingCheckpoint(folder)
    finally:
        lock.release()
