"""Stages that are killed while they run."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.warm_client import Job


def finish(address: str, stage: Sequence[str], folder: Path) -> None:
    """Run a stage in `folder`, as a fork of the warm Python at `address`."""
    assert Job(address, stage, str(folder), os.environ).wait() == 0


def kill_once(ready: Callable[[], bool], address: str, stage: Sequence[str], folder: Path) -> None:
    """Start it, and kill it with SIGKILL as soon as it is `ready`, which it must not end before."""
    job = Job(address, stage, str(folder), os.environ)
    while not ready() and not job.ended():
        time.sleep(0.01)
    assert not job.ended(), "it ended before it could be killed"
    os.kill(job.pid, signal.SIGKILL)
    job.wait()
