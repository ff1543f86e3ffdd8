"""Stages that are killed on the way."""

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path


def kill_once(ready: Callable[[], bool], command: Sequence[str], folder: Path) -> None:
    """Start `command` in `folder`, and kill it with SIGKILL as soon as it is `ready`, which it must not end before."""
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL) as process:
        while not ready() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, "it ended before it could be killed"
