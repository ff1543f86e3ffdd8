"""Restores dvc.lock and `.dvc/tmp/rwlock` after a kill of `dvc`, which truncates these files before it writes them.

A truncated dvc.lock is often valid YAML with the first entries. DVC keeps the order of the entries and removes none, so
it has fewer entries than the copy of the last intact lock in `.cache/`. If that copy is old, nothing is computed twice:
DVC restores the outputs of these stages from its run cache.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from difflab.history.dvc_lock import DamagedLock, parse_lock
from difflab.pipeline.files import atomic_write
from difflab.pipeline.lock_text import HEAD, LAST_WHOLE, LOCK_FILE, entries_of, keep_lock

RWLOCK = Path(".dvc/tmp/rwlock")  # the files that running DVC processes read and write


def mend_repository() -> list[str]:
    """Restore both files; returns one line for each repair. Raises UserError while another DVC process is running."""
    from difflab.pipeline.dvc_repo import open_repo

    with open_repo().lock:
        return mend()


def mend() -> list[str]:
    """As `mend_repository`, if the caller holds DVC's repository lock. Copies an intact dvc.lock to `.cache/`."""
    return [*_mend_lock(), *_mend_rwlock()]


def keep_whole_lock() -> None:
    """Copy dvc.lock to `.cache/`, unless it is truncated."""
    if LOCK_FILE.exists() and mended(LOCK_FILE.read_text(encoding="utf-8", errors="replace")) is None:
        keep_lock()


def _mend_lock() -> list[str]:
    if not LOCK_FILE.exists():
        return []
    text = LOCK_FILE.read_text(encoding="utf-8", errors="replace")
    whole = mended(text)
    if whole is None:
        keep_lock()
        return []
    with atomic_write(LOCK_FILE) as partial:
        partial.write_text(whole, encoding="utf-8")
    found, stages = len(entries_of(text)), len(entries_of(whole))
    return [f"{LOCK_FILE}: found only {found} of {stages} stages, truncated by a killed dvc: restored"]


def mended(text: str) -> str | None:
    """A truncated lock with its lost entries restored; None if the lock is intact, or damaged in another way."""
    entries = entries_of(text) if text.startswith(HEAD) else []
    if not (entries or HEAD.startswith(text)) or not all(map(_is_whole, entries[:-1])):
        return None
    last = entries_of(LAST_WHOLE.read_text(encoding="utf-8")) if LAST_WHOLE.exists() else []
    names, whole_names = list(map(_name, entries)), list(map(_name, last))
    if entries and _is_whole(entries[-1]):
        at = len(names) - 1
        lost = names == whole_names[: at + 1] and (at + 1 < len(last) or last[at].startswith(entries[at]))
        if not lost or entries[at] == last[-1] or _is_in_git():  # as after `git checkout` of a commit with fewer stages
            return None
    kept = entries[:-1]  # the last one may be cut off at a point where it is still valid
    return HEAD + "".join([*kept, *(entry for entry in last if _name(entry) not in names[:-1])])


def _name(entry: str) -> str:
    return entry.partition("\n")[0]


def _is_whole(entry: str) -> bool:
    try:
        return entry.endswith("\n") and bool(parse_lock(f"{HEAD}{entry}".encode(), b""))
    except DamagedLock:
        return False


def _is_in_git() -> bool:
    """Whether this version of dvc.lock was committed or added to git, so that it is not a truncated one."""
    done = subprocess.run(["git", "hash-object", LOCK_FILE], capture_output=True, text=True, check=False)
    return not subprocess.run(["git", "cat-file", "-e", done.stdout.strip()], capture_output=True).returncode


def _mend_rwlock() -> list[str]:
    if not RWLOCK.exists():
        return []
    from difflab.pipeline.rwlock import read_rwlock, remove_dead, write_rwlock  # here: it imports DVC

    try:
        used = read_rwlock(RWLOCK)
    except ValueError:
        RWLOCK.unlink()
        return [f"{RWLOCK}: found no list of processes, truncated by a killed dvc: removed"]
    if dead := remove_dead(used):
        write_rwlock(RWLOCK, used)
    return [f"{RWLOCK}: found a killed process: removed {process}" for process in dead]
