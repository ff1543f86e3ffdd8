"""Progress over images: a bar on a terminal, lines in a log file."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from difflab.pipeline.processes import is_first

LINE = "{desc}: {percentage:.0f} % of {total_fmt} images, {rate_fmt}, {remaining} left{postfix}"
PERCENT = re.compile(r": (\d+) % of \S+ images, ")  # in a line of the above format
INTERVAL = 15  # seconds between two lines
TAIL = 1 << 14  # bytes read from the end of a log


class _Lines:
    """A text stream for tqdm that prints each state of the bar on its own line; tqdm would overwrite the last one."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        if line := text.strip():
            self.stream.write(f"{line}\n")

    def flush(self) -> None:
        self.stream.flush()


def image_bar(description: str, done: int, total: int) -> tqdm:
    """A bar with the images done of `total`, rate and time left; a line every 15 seconds if stderr is no terminal."""
    log = {"file": _Lines(sys.stderr), "bar_format": LINE, "mininterval": INTERVAL}
    options: dict[str, Any] = {"mininterval": 0.5} if sys.stderr.isatty() else log
    options["disable"] = not is_first()  # one bar for all processes
    return tqdm(desc=description, initial=done, total=total, unit="img", **options)


def percent_done(log: Path) -> int | None:
    """The percentage in the last line of a stage's log; None if `image_bar` did not write that line."""
    found = [PERCENT.search(line) for line in last_lines(log, 1)]
    return int(found[0][1]) if found and found[0] else None


def last_lines(log: Path, count: int) -> list[str]:
    """At most `count` lines from the end of a log, without overwritten states of a bar; none if there is no log."""
    try:
        with log.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - TAIL, 0))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    lines = [line.rstrip().rpartition("\r")[2] for line in text.split("\n")]
    return [line for line in lines if line][-count:]
