"""Starts the process that sends training logs to MLflow while trainings run.

A training only writes its log. What sends it is one other process for all trainings, of the lowest priority: importing
MLflow takes seconds of processor time, and a store that is slow or down must never hold up a training.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from difflab.errors import explain
from difflab.pipeline.run_records import has_training_log, root
from difflab.tracking.state import folder

PATIENCE = 15.0  # seconds; what is shorter is sent when it has ended, by `difflab track`


@contextmanager
def following() -> Iterator[None]:
    """While the block runs, a training in it that takes longer than PATIENCE gets a follower."""
    ended = threading.Event()
    threading.Thread(target=_start_when_it_trains, args=(ended,), daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _start_when_it_trains(ended: threading.Event) -> None:
    while not ended.wait(PATIENCE):
        if has_training_log():
            try:
                start_follower()
            except OSError as error:  # no room for its log: the training's own is sent later
                print(explain(error), file=sys.stderr, flush=True)
            return


def start_follower() -> subprocess.Popen[bytes] | None:
    """The follower, which ends at once if there is another; None where MLflow is not installed.

    It writes to a file: were it to hold a pipe of the training open, whoever reads that would wait for it.
    """
    if importlib.util.find_spec("mlflow") is None:
        return None
    folder().mkdir(parents=True, exist_ok=True)
    with (folder() / "follower.log").open("ab") as log:
        command = [sys.executable, "-m", "difflab.tracking.follower"]
        return subprocess.Popen(
            command, cwd=root(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
