"""Paths of work folders (see resume.py), emptying them when the work is done, and `difflab clean`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from difflab.pipeline.files import PARTIAL
from difflab.pipeline.locks import alone_if_free

CHECKPOINTS = Path(".cache/checkpoints")
SAMPLES = Path(".cache/samples")
LOG = "train_log.jsonl"  # of a training; kept, because `difflab track` uploads it


def is_begun(folder: Path) -> bool:
    """Whether the folder has anything to resume from."""
    return folder.is_dir() and any(
        entry.name != LOG and not PARTIAL.fullmatch(entry.name)  # left by a kill during the first checkpoint
        for entry in folder.iterdir()
    )


def empty(folder: Path) -> int:
    """Remove a folder except for logs; returns the number of bytes removed."""
    size = 0
    for path in [*sorted(folder.rglob("*"), reverse=True), folder]:  # the contents of a folder before the folder
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.name != LOG:
            size += path.lstat().st_size
            path.unlink()
    return size


def clean() -> Iterator[str]:
    """Empty all work folders except those of running stages; yields a line for each stage, and a total."""
    total = 0
    for owner in sorted(path for root in (CHECKPOINTS, SAMPLES) if root.is_dir() for path in root.iterdir()):
        name = unquote(owner.name)
        with alone_if_free(name) as free:
            size = empty(owner) if free else 0
        total += size
        if size or not free:
            yield f"{owner}: {_text(size)} removed" if free else f"{owner}: kept, a process is running {name}"
    yield f"{_text(total)} removed"


def _text(size: int) -> str:
    from tqdm import tqdm

    return f"{tqdm.format_sizeof(size, divisor=1000)}B"
