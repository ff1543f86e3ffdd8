"""Training logs to MLflow, from the files that trainings write."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from difflab.run_records import RunRecord, root
from difflab.tracking.runs import stage_run
from difflab.tracking.store import Store

BATCH = 1000  # MLflow's limit of metrics in one call


class LogSender:
    """Sends what was added to the logs since the last call; knows how fast trainings go from when it saw which step."""

    def __init__(self) -> None:
        self.seen: dict[str, tuple[int, float]] = {}  # the last step of a log, and when

    def send(self, store: Store, record: RunRecord) -> None:
        """Each line of each log of `record` as metrics: loss, grad_norm, learning_rate, validation_loss, epoch, and
        while the training runs steps_per_second."""
        for log in record.training_logs:
            name = str(log.relative_to(root()))
            start = store.state.log_bytes.get(name, 0)
            with log.open("rb") as file:
                file.seek(start)
                whole, newline, _ = file.read().rpartition(b"\n")
            if not newline:
                continue
            lines = [json.loads(line) for line in whole.splitlines()]
            self._send_lines(store, record, log, lines)
            store.state.log_bytes[name] = start + len(whole) + 1
            store.state.save()

    def _send_lines(self, store: Store, record: RunRecord, log: Path, lines: list[dict[str, Any]]) -> None:
        from mlflow.entities import Metric

        now = time.time()
        milliseconds = int(1000 * (record.ended or now))
        last_step = lines[-1]["step"]
        if record.alive:
            step, seen_at = self.seen.get(str(log), (last_step, now))
            if last_step > step:
                lines[-1]["steps_per_second"] = (last_step - step) / (now - seen_at)
            self.seen[str(log)] = last_step, now
        suffix = training_suffix(record.stage, log.parent.name)
        metrics = [
            Metric(f"{key}{suffix}", value, milliseconds, line["step"])
            for line in lines
            for key, value in line.items()
            if key != "step"
        ]
        run_id = stage_run(store, record)
        for start in range(0, len(metrics), BATCH):
            store.client.log_batch(run_id, metrics=metrics[start : start + BATCH])


def training_suffix(stage: str, folder: str) -> str:
    """What tells apart the trainings of one stage: "/0" of adapt-mnistm-usps-dann-0-KEY, "" where it has but one."""
    rest = folder.rpartition("-")[0].removeprefix(stage.replace("@", "-")).strip("-")
    return f"/{rest}" if rest else ""
