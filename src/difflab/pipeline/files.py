"""Atomic writes of files and folders; errors about a full or read-only disk name the file."""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from difflab.pipeline.locks import is_alone

NOT_WRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
HOST = f"{zlib.crc32(socket.gethostname().encode()):08x}"
PARTIAL = re.compile(r"(.+)\.([0-9a-f]{8})-(\d+)\.partial", re.DOTALL)  # name, host and process


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name for a file or folder, which is renamed to `path` when the block ends without an error.

    A kill or power failure leaves either the old or the new `path`; while one folder replaces another, possibly
    neither. The temporary name is in a folder of this process next to `path`; folders of dead processes are removed
    first. Raises OSError with the name of `path` if it cannot be written.
    """
    path = Path(path)
    own = path.with_name(f"{path.name}.{HOST}-{os.getpid()}.partial")
    new, old = own / path.name, own / f"{path.name}.old"
    with failing_at(path, own):
        path.parent.mkdir(parents=True, exist_ok=True)
        for partial in _left(path):
            remove(partial)
        own.mkdir()
        try:
            yield new
            sync(new)
            if new.is_dir() and path.is_dir():  # a folder cannot be replaced in one step
                path.replace(old)
            new.replace(path)
            _sync(path.parent)
        finally:
            shutil.rmtree(own, ignore_errors=True)  # if this fails, the next process removes it


def _left(path: Path) -> Iterator[Path]:
    """Temporary folders of dead processes. While this process holds a lock, no other process writes `path`."""
    for partial in path.parent.iterdir():
        found = PARTIAL.fullmatch(partial.name)
        if found and found[1] == path.name and (is_alone() or _is_dead(found[2], int(found[3]))):
            yield partial


def is_being_written(partial: Path) -> bool:
    """Whether `partial` is a temporary folder of `atomic_write` whose process may be alive."""
    found = PARTIAL.fullmatch(partial.name)
    return found is not None and not _is_dead(found[2], int(found[3]))


def _is_dead(host: str, pid: int) -> bool:
    import psutil

    return host == HOST and (pid == os.getpid() or not psutil.pid_exists(pid))


def sync(path: Path) -> None:
    """Flush a file, or all files of a folder, to disk."""
    for inside in [*path.rglob("*"), path]:
        _sync(inside)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not (path.is_dir() and error.errno in (errno.EINVAL, errno.EBADF)):  # not every file system syncs folders
            raise
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file, link or folder with its contents, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def failing_at(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Raise errors of a full or read-only disk in the block as an OSError that names `path`.

    Python's own errors often name no file, those of safetensors and torch have other types, and a path in `temporary`
    means nothing to the user.
    """
    try:
        yield
    except Exception as error:
        names = [Path(name) for name in (getattr(error, "filename", None), getattr(error, "filename2", None)) if name]
        if isinstance(error, OSError) and temporary and any(name.is_relative_to(temporary) for name in names):
            raise OSError(error.errno, error.strerror, str(path)) from error
        if (number := _number(error)) and not names:
            raise OSError(number, os.strerror(number), str(path)) from error
        raise


def _number(error: BaseException | None) -> int | None:
    """The system's error number, also if another error was raised while handling it."""
    while error:
        found = re.search(r"os error (\d+)", str(error))  # from Rust, as in safetensors
        number = error.errno if isinstance(error, OSError) else int(found[1]) if found else None
        if number in NOT_WRITTEN:
            return number
        error = error.__cause__ or error.__context__
    return None
