"""dvc.lock as text: its entries, and a copy of the last intact version in `.cache/`."""

from __future__ import annotations

import re
from pathlib import Path

from difflab.pipeline.files import atomic_write

LOCK_FILE = Path("dvc.lock")
LAST_WHOLE = Path(".cache/dvc.lock")
HEAD = "schema: '2.0'\nstages:\n"
ENTRY = re.compile(r"^(?=  \S)", re.MULTILINE)  # everything else in a stage is indented further than its name
NAME = re.compile(r"  ([\w@.-]+):\n")  # YAML quotes the other names


def entries_of(text: str) -> list[str]:
    """The text of each entry of a dvc.lock that begins with HEAD, in order."""
    return [part for part in ENTRY.split(text.removeprefix(HEAD)) if part]


def keep_lock(lock: Path = LOCK_FILE) -> None:
    """Copy an intact dvc.lock to `.cache/` next to it."""
    last, content = lock.parent / LAST_WHOLE, lock.read_bytes()
    if not last.exists() or last.read_bytes() != content:
        with atomic_write(last) as partial:
            partial.write_bytes(content)
