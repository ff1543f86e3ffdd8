"""Training logs to MLflow, from the files that trainings write."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import TypeAdapter

from difflab.errors import warn
from difflab.pipeline.run_records import RunRecord
from difflab.tracking.runs import log_name, stage_run
from difflab.tracking.store import Store

Line = dict[str, float]
BATCH = 1000  # MLflow's limit of metrics in one call


class LogSender:
    """Sends what was added to the logs since the last call; knows how fast trainings go from when it saw which step."""

    def __init__(self) -> None:
        self.seen: dict[str, tuple[int, float]] = {}  # the last step of a log, and when

    def send(self, store: Store, record: RunRecord) -> None:
        """Each line of each log of `record` as metrics: loss, grad_norm, learning_rate, validation_loss, epoch, and
        while the training runs steps_per_second. A line that cannot be read is skipped and named."""
        for log in record.training_logs:
            run_id, name = stage_run(store, record), log_name(log)
            start = store.state.log_bytes.get(name, 0)
            with log.open("rb") as file:
                file.seek(start)
                whole, newline, _ = file.read().rpartition(b"\n")
            if not newline:
                continue
            lines = list(_read(whole, log))
            if lines:
                suffix = training_suffix(record.stage, log.parent.name)
                if name not in self.seen:
                    lines = _unsent(lines, suffix, store, run_id)
                self._add_rate(record, name, lines)
                _send_lines(lines, suffix, int(1000 * (record.ended or time.time())), store, run_id)
            store.state.log_bytes[name] = start + len(whole) + 1
            store.state.save()

    def _add_rate(self, record: RunRecord, name: str, lines: list[Line]) -> None:
        if not lines:
            return
        now, last_step = time.time(), int(lines[-1]["step"])
        step, seen_at = self.seen.get(name, (last_step, now))
        if record.alive and last_step > step:
            lines[-1]["steps_per_second"] = (last_step - step) / (now - seen_at)
        self.seen[name] = last_step, now


def _read(lines: bytes, log: Path) -> Iterator[Line]:
    """The lines that hold numbers by name, among them a step."""
    adapter = TypeAdapter(Line)
    for line in lines.splitlines():
        try:
            found = adapter.validate_json(line)
            int(found["step"])
        except (KeyError, ValueError):
            found = line[:60].decode(errors="replace")
            warn(f"{log}: skipped: found the line {found!r}, allowed: an object of numbers, with a step")
        else:
            yield found


def _unsent(lines: list[Line], suffix: str, store: Store, run_id: str) -> list[Line]:
    """Without what the store has: of each key the steps up to its last, which a killed sender had no time to note."""
    keys = {key for line in lines for key in line} - {"step"}
    sent = {key: store.client.get_metric_history(run_id, f"{key}{suffix}") for key in keys}
    last = {key: max((metric.step for metric in history), default=-1) for key, history in sent.items()}
    return [{key: value for key, value in line.items() if line["step"] > last.get(key, -1)} for line in lines]


def _send_lines(lines: list[Line], suffix: str, milliseconds: int, store: Store, run_id: str) -> None:
    from mlflow.entities import Metric

    metrics = [
        Metric(f"{key}{suffix}", value, milliseconds, int(line["step"]))
        for line in lines
        for key, value in line.items()
        if key != "step"
    ]
    for start in range(0, len(metrics), BATCH):
        store.client.log_batch(run_id, metrics=metrics[start : start + BATCH])


def training_suffix(stage: str, folder: str) -> str:
    """What tells apart the trainings of one stage: "/0" of adapt-mnistm-usps-dann-0-KEY, "" where it has but one."""
    rest = folder.rpartition("-")[0].removeprefix(stage.replace("@", "-")).strip("-")
    return f"/{rest}" if rest else ""
