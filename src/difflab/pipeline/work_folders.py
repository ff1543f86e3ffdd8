"""The places of work folders (see resume.py), emptying them when the work is done, and `difflab clean`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from difflab.pipeline.files import PARTIAL
from difflab.pipeline.locks import alone_if_free

CHECKPOINTS = Path(".cache/checkpoints")
SAMPLES = Path(".cache/samples")
LOG = "train_log.jsonl"  # of a training; it stays, since `difflab track` sends it


def is_begun(folder: Path) -> bool:
    """Whether there is anything in the folder to go on from."""
    return folder.is_dir() and any(
        entry.name != LOG and not PARTIAL.fullmatch(entry.name)  # as a kill during the first checkpoint leaves it
        for entry in folder.iterdir()
    )


def empty(folder: Path) -> int:
    """Remove a folder, or all of it but logs; returns the size in bytes of what was removed."""
    size = 0
    for path in [*sorted(folder.rglob("*"), reverse=True), folder]:  # what is in a folder before the folder
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.name != LOG:
            size += path.lstat().st_size
            path.unlink()
    return size


def clean() -> Iterator[str]:
    """Empty all work folders but those of stages at work; a line for each stage, and one for all."""
    total = 0
    for owner in sorted(path for root in (CHECKPOINTS, SAMPLES) if root.is_dir() for path in root.iterdir()):
        name = unquote(owner.name)
        with alone_if_free(name) as free:
            size = empty(owner) if free else 0
        total += size
        if size or not free:
            yield f"{owner}: {_text(size)} removed" if free else f"{owner}: kept, a process is at work on {name}"
    yield f"{_text(total)} removed"


def _text(size: int) -> str:
    from tqdm import tqdm

    return f"{tqdm.format_sizeof(size, divisor=1000)}B"
