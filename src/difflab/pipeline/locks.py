"""Locks of this checkout, one file each in `.cache/locks/`.

They are the operating system's: a lock ends with the process that holds it, however that process ends. They lie in the
checkout, not in /tmp, so that the nodes of a cluster that share the checkout share them too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

FOLDER = Path(".cache/locks")
POLL = 0.2  # seconds between two tries of a process that waits

_held: set[str] = set()


def file_name(name: str) -> str:
    """A stage's name, in which an argument with "/" may stand, as that of a file."""
    return quote(name, safe="@ ")


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Hold the lock `name`; blocks of one process may be nested. Another process waits, and says so on stderr.

    Raises OSError where the file system has no locks.
    """
    if name in _held:
        yield
        return
    lock = _lock(name)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"waiting for the process that is already at work on {name}", file=sys.stderr, flush=True)
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
    """Hold the lock `name`; or yield False where another process has it."""
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
    """Whether another process waits for the lock `name`, which this one holds."""
    with alone_if_free(f"{name}.next") as free:
        return not free


def is_alone() -> bool:
    """Whether this process holds a lock."""
    return bool(_held)


def lock_file(name: str) -> Path:
    """The file of the lock `name`, which stays when the lock is released."""
    return FOLDER / f"{file_name(name)}.lock"


def _lock(name: str) -> FileLock:
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Where the system has no locks, filelock would take a file that outlives its process.
    return FileLock(lock_file(name).absolute(), fallback_to_soft=False)
