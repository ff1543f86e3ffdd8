"""Locks of this checkout, one file each in `.cache/locks/`.

They are locks of the operating system, which frees them when the process that holds them ends, even if it is killed.
They are in the checkout, not in /tmp, so that cluster nodes that share the checkout also share its locks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

FOLDER = Path(".cache/locks")
POLL = 0.2  # seconds between two attempts of a waiting process

_held: set[str] = set()


def file_name(name: str) -> str:
    """A stage's name, which can contain "/", as a file name."""
    return quote(name, safe="@ ")


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Hold the lock `name` in the block; blocks may be nested. Another process waits and prints a line on stderr.

    Raises OSError if the file system does not support locks.
    """
    if name in _held:
        yield
        return
    lock = _lock(name)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"waiting for another process that is running {name}", file=sys.stderr, flush=True)
        with _lock(f"{name}.next"):  # see `is_awaited`
            lock.acquire(poll_interval=POLL)
    _held.add(name)
    try:
        yield
    finally:
        _held.remove(name)
        lock.release()


@contextmanager
def alone_if_free(name: str) -> Iterator[bool]:
    """Yield True and hold the lock `name` in the block, or yield False if another process holds it."""
    lock = _lock(name)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def is_awaited(name: str) -> bool:
    """Whether another process is waiting for the lock `name`, which this process holds."""
    with alone_if_free(f"{name}.next") as free:
        return not free


def is_alone() -> bool:
    """Whether this process holds any lock of `alone`."""
    return bool(_held)


def lock_file(name: str) -> Path:
    """The file of the lock `name`; it remains when the lock is released."""
    return FOLDER / f"{file_name(name)}.lock"


def _lock(name: str) -> FileLock:
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Without locks in the file system, filelock would fall back to a file that outlives its process.
    return FileLock(lock_file(name).absolute(), fallback_to_soft=False)
