"""What lets killed work go on where it was: a folder for each configuration, with files that are whole or not there.

Such folders live in `.cache/`, outside the pipeline's declared outputs. Their names hash the parameters, the inputs and
the code that works: a changed configuration never continues an old run.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout
from pydantic_core import to_json
from torch import __version__ as torch_version

from difflab.pipeline.fingerprint import running_code
from difflab.run_records import note_work_folder


def run_key(params: Any, inputs: Sequence[Path]) -> str:
    """Hash of the parameters, of the inputs' bytes, and of the fingerprint of the running code.

    `params`: anything of pydantic models, dicts, lists and numbers; `inputs`: files, or folders with all their files.
    """
    digest = hashlib.sha256(torch_version.encode() + to_json([params, running_code()]))
    for path in [file for item in inputs for file in _files(item)]:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


@contextmanager
def locked_folder(root: Path, stage: str, params: Any, inputs: Sequence[Path]) -> Iterator[Path]:
    """`root/STAGE-KEY/` with the key of `run_key`, locked against a second process, which waits.

    An orphan of a killed pipeline may still be at work: waiting for it, then going on from what it left, is right
    whether it finishes or dies. The lock is the operating system's, so it ends with the process that holds it; it is a
    file beside the folder, so that its holder may remove the folder.
    """
    folder = root / f"{stage}-{run_key(params, inputs)}"
    root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(folder.name + ".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"waiting for the process that is already at work in {folder}", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        note_work_folder(folder, resumed=folder.exists())
        folder.mkdir(exist_ok=True)
        yield folder
    finally:
        lock.release()


@contextmanager
def written_durably(path: Path) -> Iterator[IO[bytes]]:
    """A file to write `path` with: a kill or a loss of power at any moment leaves the old `path` or the new one."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
