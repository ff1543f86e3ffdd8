"""Resuming interrupted work: a folder in `.cache/` for each configuration, with atomically written files.

The name of a folder contains a hash of parameters, inputs and running code, so a changed configuration never resumes
an old run.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedRandom, BufferedReader
from pathlib import Path
from typing import Any

from pydantic_core import to_json
from torch import __version__ as torch_version

from difflab.pipeline.files import atomic_write
from difflab.pipeline.fingerprint import running_code
from difflab.pipeline.locks import alone, file_name
from difflab.pipeline.run_records import note_work_folder, running_stage
from difflab.pipeline.work_folders import is_begun

HASH_SIZE = hashlib.sha256().digest_size


def run_key(params: Any, inputs: Sequence[Path]) -> str:
    """Hash of the parameters, the contents of the inputs, the running code and the version of torch.

    `params`: pydantic models, dicts, lists and numbers, nested; `inputs`: files, or folders with all their files.
    """
    digest = hashlib.sha256(torch_version.encode() + to_json([params, running_code()]))
    for path in [file for item in inputs for file in _files(item)]:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


@contextmanager
def locked_folder(root: Path, name: str, params: Any, inputs: Sequence[Path]) -> Iterator[Path]:
    """The folder `root/STAGE/NAME-KEY/`, with the key from `run_key`, locked for this process.

    STAGE is the running stage, which holds its lock until it ends and then empties the folder. Outside a stage it is
    `name`: a second process waits until the block ends, and the folder is kept.
    """
    owner = running_stage() or name
    folder = root / file_name(owner) / f"{name}-{run_key(params, inputs)}"
    with alone(owner):
        for path in (folder.parent, folder):
            if os.path.lexists(path) and not path.is_dir():
                say(f"{Damaged(path, 'not a folder')}; starting from the beginning")
                path.unlink()
        note_work_folder(folder, resumed=is_begun(folder))
        folder.mkdir(parents=True, exist_ok=True)
        yield folder


class Damaged(Exception):
    """A file to resume from has changed since it was written; the message, part of a line, names it."""

    def __init__(self, path: Path, how: str):
        super().__init__(f"{path}: damaged ({how})")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def hashed_write(path: Path) -> Iterator[BufferedRandom]:
    """Yield a file that replaces `path` atomically; the hash of its contents is stored before them."""
    with atomic_write(path) as partial, partial.open("wb+") as file:
        file.write(bytes(HASH_SIZE))
        yield file
        file.seek(HASH_SIZE)
        digest = hashlib.file_digest(file, "sha256").digest()
        file.seek(0)
        file.write(digest)


@contextmanager
def hashed_read(path: Path) -> Iterator[BufferedReader]:
    """Yield the contents written by `hashed_write`. Raises Damaged if they have changed."""
    with _opened(path) as file:
        with _reading(path):
            expected = file.read(HASH_SIZE)
            digest = hashlib.file_digest(file, "sha256").digest()
        if digest != expected:
            raise Damaged(path, f"{file.tell()} bytes, not those that were written")
        file.seek(HASH_SIZE)
        yield file


def hash_of(path: Path) -> str:
    """SHA-256 of a file. Raises Damaged if it cannot be read."""
    with _opened(path) as file, _reading(path):
        return hashlib.file_digest(file, "sha256").hexdigest()


def _opened(path: Path) -> BufferedReader:
    with _reading(path):
        return path.open("rb")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Damaged(path, str(error.strerror)) from None
