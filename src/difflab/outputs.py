"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Called with the finished file or folder, and the name that it is to have, before it has that; run_records.py sets it.
when_finished: Callable[[Path, Path], None] | None = None


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` for a file or folder; it becomes `path` when the block ends without an error."""
    partial = path.with_name(path.name + ".partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    _remove(partial)
    try:
        yield partial
        if when_finished:
            when_finished(partial, path)
        _remove(path)
        partial.rename(path)
    finally:
        _remove(partial)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
