"""`.dvc/tmp/rwlock`, DVC's list of paths that processes read and write: replaced atomically, without dead processes.

DVC lists the PID and the command of a process, but not its host. On a shared file system it would wait forever for a
process that was killed on another host if its PID is in use here. A job therefore appends a unique name to its
command and holds a lock of that name (see locks.py), which all hosts see. Any other DVC process counts as alive if a
process with its PID and the last word of its command runs on this host.
"""

# DVC is untyped.
# pyright: reportMissingTypeStubs=false
from __future__ import annotations

import json
import os
import re
import socket
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dvc.rwlock
import psutil
from dvc.lock import make_lock
from voluptuous import Invalid

from difflab.pipeline.locks import alone_if_free, lock_file

NAME = re.compile(r" (job-\S+)$")


@contextmanager
def named_job() -> Iterator[None]:
    """In the block, DVC lists this process with a unique name, and the process holds the lock of that name."""
    command, name = sys.argv, f"job-{socket.gethostname()}-{os.getpid()}-{time.time():.3f}"
    with alone_if_free(name):
        sys.argv = [*command, name]  # DVC lists this command
        try:
            yield
        finally:
            sys.argv = command
            lock_file(name).unlink(missing_ok=True)


@contextmanager
def edit_rwlock(folder: str, fs: Any, hardlink: bool) -> Iterator[dict[str, Any]]:
    """DVC's `_edit_rwlock`: yields the list in a folder for editing."""
    file = Path(folder, dvc.rwlock.RWLOCK_FILE)
    with make_lock(str(Path(folder, dvc.rwlock.RWLOCK_LOCK)), tmp_dir=folder, hardlink_lock=hardlink):
        used = read_rwlock(file)
        remove_dead(used)
        used = {"read": defaultdict(list, used["read"]), "write": defaultdict(dict, used["write"])}
        yield used
        write_rwlock(file, used)


def read_rwlock(file: str | Path) -> dict[str, Any]:
    """The list in a file, empty if there is none. Raises ValueError if it is not in DVC's format."""
    path = Path(file)
    try:
        return dvc.rwlock.SCHEMA(json.loads(path.read_bytes()) if path.exists() else {})  # pyright: ignore[reportReturnType]
    except Invalid as error:
        raise ValueError(f"{file}: {error}") from error


def write_rwlock(file: Path, used: dict[str, Any]) -> None:
    """Write the list; the caller must hold DVC's lock."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(json.dumps(used), encoding="utf-8")
    new.replace(file)  # not synced to disk: after a power failure, all listed processes are dead


def remove_dead(used: dict[str, Any]) -> list[str]:
    """Remove the entries of dead processes; returns the PID and command of each."""
    listed = [*used["write"].values(), *(reader for readers in used["read"].values() for reader in readers)]
    living = {key for key in {_key(process) for process in listed} if _is_alive(*key)}
    for path, writer in list(used["write"].items()):
        if _key(writer) not in living:
            del used["write"][path]
    for path, readers in list(used["read"].items()):
        readers[:] = [reader for reader in readers if _key(reader) in living]
        if not readers:
            del used["read"][path]
    return sorted(f"PID {pid}, {command}" for pid, command in {_key(process) for process in listed} - living)


def _key(process: dict[str, Any]) -> tuple[int, str]:
    return process["pid"], process["cmd"]


def _is_alive(pid: int, command: str) -> bool:
    if (pid, command) == (os.getpid(), " ".join(sys.argv)):
        return True
    if job := NAME.search(command):
        if not lock_file(job[1]).exists():
            return False
        with alone_if_free(job[1]) as free:
            if free:
                lock_file(job[1]).unlink(missing_ok=True)
            return not free
    try:
        words = " ".join(psutil.Process(pid).cmdline()).split(" ")
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    return " " not in command or words[-1] == command.split(" ")[-1]
