"""Progress of everything that goes through images: a bar on a terminal, lines in a log."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from difflab.pipeline.processes import is_first

LINE = "{desc}: {percentage:.0f} % of {total_fmt} images, {rate_fmt}, {remaining} left{postfix}"
PERCENT = re.compile(r": (\d+) % of \S+ images, ")  # in such a line
INTERVAL = 15  # seconds between two lines
TAIL = 1 << 14  # bytes of a log that are read


class _Lines:
    """A text stream for tqdm on which each state of the bar is a line, where tqdm overwrites the last one."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        if line := text.strip():
            self.stream.write(f"{line}\n")

    def flush(self) -> None:
        self.stream.flush()


def image_bar(description: str, done: int, total: int) -> tqdm:
    """Images done of `total`, their rate and the time left; where stderr is no terminal, a line every 15 seconds."""
    log = {"file": _Lines(sys.stderr), "bar_format": LINE, "mininterval": INTERVAL}
    options: dict[str, Any] = {"mininterval": 0.5} if sys.stderr.isatty() else log
    options["disable"] = not is_first()  # one bar of all processes
    return tqdm(desc=description, initial=done, total=total, unit="img", **options)


def percent_done(log: Path) -> int | None:
    """The percentage in the last line of a stage's log; None where that line is not one of `image_bar`."""
    found = [PERCENT.search(line) for line in last_lines(log, 1)]
    return int(found[0][1]) if found and found[0] else None


def last_lines(log: Path, count: int) -> list[str]:
    """At most `count` lines from the end of a log, without what a bar has overwritten; none if there is no log."""
    try:
        with log.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - TAIL, 0))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    lines = [line.rstrip().rpartition("\r")[2] for line in text.split("\n")]
    return [line for line in lines if line][-count:]
