"""The log of a job: JSON lines with the part, an event, the seconds since the epoch, and values."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any


def write(log: Path, part: str, event: str, **values: Any) -> None:
    """Append one line; several processes can share a log, because a line is a single write."""
    line = {"part": part, "event": event, "time": round(time.time(), 2)} | values
    with log.open("ab", buffering=0) as file:
        file.write(json.dumps(line).encode() + b"\n")
