"""Rolling checkpoints in `.cache/checkpoints/`, from which a killed training resumes with bit-identical results."""

import csv
import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from difflab.config.load import load_runtime
from difflab.config.training import TrainingParams
from difflab.pipeline.files import atomic_write, failing_at, remove, sync
from difflab.pipeline.resume import Damaged, hash_of, hashed_read, hashed_write, locked_folder, say
from difflab.pipeline.run_records import running_stage
from difflab.pipeline.work_folders import CHECKPOINTS, LOG

COLUMNS = ["step", "epoch", "loss", "grad_norm", "learning_rate"]


@dataclass(frozen=True)
class RollingCheckpoint:
    """The state of a training in one file, replaced atomically, with its log and snapshots.

    The file begins with the hash of its content, which includes hashes of the log at that time and of each snapshot.
    `checkpoint_every` and `log_every` are in training steps; both files are also written at the end of training.
    """

    folder: Path
    checkpoint_every: float = math.inf
    log_every: float = math.inf
    snapshot_hashes: dict[str, str] = field(default_factory=dict)  # by file name

    @property
    def log(self) -> Path:
        return self.folder / LOG

    @property
    def snapshots(self) -> Path:
        return self.folder / "snapshots"

    @property
    def file(self) -> Path:
        return self.folder / "checkpoint"

    def append_to_log(self, line: str) -> None:
        """Append `line` and a line break to the log."""
        with failing_at(self.log), self.log.open("ab") as log:
            log.write(f"{line}\n".encode())

    def save_snapshot(self, step: int, weights: dict[str, Tensor]) -> None:
        """Save the weights of one step permanently."""
        path = self.snapshots / f"step_{step:06d}.safetensors"
        with atomic_write(path) as partial:
            save_file(weights, partial)
        self.snapshot_hashes[path.name] = hash_of(path)

    def save(self, state: dict[str, Any]) -> None:
        """Save a state of dicts, lists, tensors, numbers and strings; a kill leaves either the old file or the new."""
        self.log.touch()
        sync(self.log)
        log = self.log.read_bytes()
        kept = {"log_size": len(log), "log_hash": _hash(log), "snapshots": self.snapshot_hashes, "state": state}
        with hashed_write(self.file) as file:
            torch.save(kept, file)

    def load(self) -> dict[str, Any] | None:
        """The last saved state, on the CPU; truncates the log and removes snapshots to match its step.

        None if nothing was saved, or, with a line on stderr, if one of the files is damaged.
        """
        try:
            kept = self._verified() if os.path.lexists(self.file) else None
        except Damaged as error:
            say(f"{error}; the training starts from nothing")
            kept = None
        if kept is None:
            remove(self.file)
            self._go_back(0, {})
            return None
        self._go_back(kept["log_size"], kept["snapshots"])
        return kept["state"]

    @contextmanager
    def model_folder(self, path: Path) -> Iterator[Path]:
        """Yield a temporary path for the model folder `path`; the log is copied into it. See `atomic_write`."""
        with atomic_write(path) as folder:
            yield folder
            shutil.copy(self.log, folder)

    def _verified(self) -> dict[str, Any]:
        with hashed_read(self.file) as file:
            kept = torch.load(file, weights_only=True, map_location="cpu")
        log = self.log.read_bytes()[: kept["log_size"]] if self.log.is_file() else b""
        if _hash(log) != kept["log_hash"]:
            raise Damaged(self.log, f"{len(log)} bytes, not the {kept['log_size']} that were written")
        for name, written in kept["snapshots"].items():
            if hash_of(self.snapshots / name) != written:
                raise Damaged(self.snapshots / name, "not the bytes that were written")
        return kept

    def _go_back(self, log_size: int, snapshots: dict[str, str]) -> None:
        """Remove the log lines and snapshots that are newer than a checkpoint."""
        if log_size:
            os.truncate(self.log, log_size)
        else:
            remove(self.log)
        if not snapshots:
            remove(self.snapshots)
        else:
            for file in self.snapshots.iterdir():
                if file.name not in snapshots:
                    remove(file)
        self.snapshot_hashes.clear()
        self.snapshot_hashes.update(snapshots)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextmanager
def rolling_checkpoint(name: str, params: Any, inputs: Sequence[Path]) -> Iterator[RollingCheckpoint]:
    """The checkpoint of a training with this configuration, locked for this process.

    `params` and `inputs`: all that the training depends on; see `locked_folder`. The intervals of saving and logging,
    in the section `runtime` of params.yaml, are not part of the configuration.
    """
    runtime, stage = load_runtime(), (running_stage() or "").partition("@")[0]
    log_every = runtime.log_every_in.get(stage, runtime.log_every)
    with locked_folder(CHECKPOINTS, name, params, inputs) as folder:
        yield RollingCheckpoint(folder, runtime.checkpoint_every, log_every)


def seeded_runs(
    name: str, num_runs: int, training: TrainingParams, params: Sequence[Any], inputs: Sequence[Path]
) -> Iterator[tuple[TrainingParams, RollingCheckpoint]]:
    """Yield parameters and checkpoint for each run, with seeds training.seed, training.seed + 1, …

    When a killed stage iterates again, finished runs load their checkpoints and the interrupted run resumes. `params`
    and `inputs`: everything else that a run depends on, see `rolling_checkpoint`.
    """
    for seed in range(training.seed, training.seed + num_runs):
        seeded = training.model_copy(update={"seed": seed})
        with rolling_checkpoint(f"{name}-{seed}", [seeded, *params], inputs) as checkpoint:
            yield seeded, checkpoint


def write_curve(log: Path, file: Path) -> None:
    """Write the lines of `log` that have a training loss to `file` as CSV, with COLUMNS; see `fit` for the log."""
    rows = [line for line in map(json.loads, log.read_bytes().splitlines()) if "loss" in line]
    with atomic_write(file) as partial, partial.open("w", newline="", encoding="utf-8") as table:
        writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
