"""`python -m difflab.tracking.follower`: sends training logs to MLflow while there is any stage at work."""

from __future__ import annotations

import os
import socket
import sys
import time

from filelock import FileLock, Timeout

from difflab.pipeline.run_records import read_records
from difflab.tracking.state import folder
from difflab.tracking.store import StoreError, opened_store
from difflab.tracking.training_logs import LogSender

INTERVAL = 10.0  # seconds between two looks
RETRY = 60.0  # seconds until a store that did not answer is asked again
LINGER = 60.0  # seconds without a stage at work, after which nothing is left to do


def main() -> None:
    os.nice(19)
    folder().mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder() / "follower.lock", timeout=0):
            follow()
    except Timeout:
        return


def follow() -> None:
    """Look at the logs until nothing runs on this machine any more. A store that does not answer is reported once."""
    logs, reported, idle = LogSender(), False, 0.0
    while idle < LINGER:  # counted by looks: one may take minutes, of this priority on a machine at work
        interval = INTERVAL
        alive = [record for record in read_records() if record.alive and record.host == socket.gethostname()]
        training = [record for record in alive if record.training_logs]
        if training:
            try:
                with opened_store() as store:
                    for record in training:
                        logs.send(store, record)
            except StoreError as error:
                interval = RETRY
                if not reported:
                    print(error, file=sys.stderr, flush=True)
                reported = True
        idle = 0.0 if alive else idle + interval
        time.sleep(interval)


if __name__ == "__main__":
    main()
