"""The MLflow runs: a parent run for each pipeline run, with a child run for each stage with parameters and curves."""

from __future__ import annotations

import getpass
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from difflab.errors import warn
from difflab.history.changes import flat
from difflab.pipeline.run_records import RunRecord
from difflab.tracking.names import pipeline_name, plain
from difflab.tracking.store import Store, run_key

PARAM_LENGTH = 6000  # MLflow's limit of characters in a value
Line = dict[str, float]


def stage_run(store: Store, record: RunRecord) -> str:
    """The id of the run of a stage; a killed and resumed stage has one run."""

    def describe() -> tuple[str, dict[str, str]]:
        parent = {"mlflow.parentRunId": pipeline_run(store, record)}
        return record.stage, parent | {"stage": record.stage} | _tags(record, record.command)

    return store.run(run_key(record), record.started, describe)


def pipeline_run(store: Store, record: RunRecord) -> str:
    """The id of the parent run of all stages of one commit with one params.yaml."""
    return store.run(record.pipeline, record.started, lambda: (pipeline_name(record), _tags(record, "dvc.yaml")))


def _tags(record: RunRecord, source: str) -> dict[str, str]:
    """The tags of a run; MLflow shows its own `mlflow.…` tags as columns."""
    git = {"mlflow.source.git.commit": record.commit} if record.commit else {}
    return git | {
        "mlflow.source.name": source,
        "mlflow.source.type": "LOCAL",
        "mlflow.user": _user(),
        "commit": record.commit or "none",
        "sources": "edited" if record.edited else "as committed",
        "params_sha256": record.params_sha256,
        "experiment": record.experiment or "none",
        "host": record.host,
    }


def _user() -> str:
    """The user's name, or the number if there is no name, as in a container started with `docker run --user`."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def log_params(store: Store, run_id: str, params: dict[str, Any]) -> None:
    """Log each value under its dotted name; a list is one value.

    MLflow does not change parameters of a run: a different value is skipped with a warning.
    """
    from mlflow.entities import Param

    present = store.client.get_run(run_id).data.params
    values = {allowed_name(key): plain(value)[:PARAM_LENGTH] for key, value in flat(params).items()}
    for key in present.keys() & values.keys():
        if present[key] != values[key]:
            warn(f"MLflow: run {run_id}: {key} stays {present[key]}; skipped: {values[key]}")
    store.log(run_id, params=[Param(key, value) for key, value in values.items() if key not in present])


def allowed_name(name: str) -> str:
    """`name` with only the characters that MLflow allows: letters, digits and _-. :/"""
    return re.sub(r"[^\w\-. :/]", "_", name)


class Curves:
    """Sends lines of training logs that the store lacks; remembers between calls what it has sent."""

    def __init__(self) -> None:
        self.last: dict[tuple[str, str], int] = {}  # the last step in the store, by run id and metric
        self.seen: dict[Path, tuple[int, float]] = {}  # the last step of a log, and when it was seen

    def send(self, store: Store, record: RunRecord) -> None:
        """Send each log of `record` as metrics: loss, grad_norm, learning_rate, validation_loss, epoch and, while the
        training runs, steps_per_second. Lines that cannot be read are skipped with a warning."""
        from mlflow.entities import Metric

        for log in record.training_logs:
            run_id = stage_run(store, record)
            lines = list(_read(log, "step"))
            self._add_rate(record, log, lines)
            suffix, metrics = training_suffix(record.stage, log.parent.name), []
            milliseconds = int(1000 * (record.ended or time.time()))
            for line in lines:
                step = int(line.pop("step"))
                for key, value in line.items():
                    if step > self._last_step(store, run_id, f"{key}{suffix}"):
                        metrics.append(Metric(f"{key}{suffix}", value, milliseconds, step))
            store.log(run_id, metrics=metrics)
            self.last |= {(run_id, metric.key): metric.step for metric in metrics}

    def send_system(self, store: Store, record: RunRecord) -> None:
        """Send the use of the machine as metrics system/…; the step is the number of seconds since the run began."""
        from mlflow.entities import Metric

        if not record.system_log.exists():
            return
        run_id, metrics = stage_run(store, record), []
        began = store.client.get_run(run_id).info.start_time / 1000
        for line in _read(record.system_log, "time"):
            seconds = line.pop("time")
            step = int(seconds - began)
            metrics += [
                Metric(key, value, int(1000 * seconds), step)
                for key, value in line.items()
                if step > self._last_step(store, run_id, key)
            ]
        store.log(run_id, metrics=metrics)
        self.last |= {(run_id, metric.key): metric.step for metric in metrics}

    def _last_step(self, store: Store, run_id: str, key: str) -> int:
        """The last step in the store. An earlier process may have sent some, and MLflow would store them twice."""
        if (run_id, key) not in self.last:
            history = store.client.get_metric_history(run_id, key)
            self.last[run_id, key] = max((metric.step for metric in history), default=-1)
        return self.last[run_id, key]

    def _add_rate(self, record: RunRecord, log: Path, lines: list[Line]) -> None:
        if not lines:
            return
        now, last_step = time.time(), int(lines[-1]["step"])
        step, seen_at = self.seen.get(log, (last_step, now))
        if record.alive and last_step > step:
            lines[-1]["steps_per_second"] = (last_step - step) / (now - seen_at)
        self.seen[log] = last_step, now


def _read(log: Path, needed: str) -> Iterator[Line]:
    """The complete lines of a log that are objects of numbers, including `needed`."""
    adapter = TypeAdapter(Line)
    for text in log.read_bytes().rpartition(b"\n")[0].splitlines():
        try:
            line = adapter.validate_json(text)
            int(line[needed])
        except (KeyError, ValueError):
            found = text[:60].decode(errors="replace")
            warn(f"{log}: skipped: found the line {found!r}, allowed: an object of numbers, with {needed}")
        else:
            yield line


def training_suffix(stage: str, folder: str) -> str:
    """Suffix that tells the trainings of a stage apart: "/0" for adapt-mnistm-usps-dann-0-KEY, "" for the only one."""
    name, whole = folder.rpartition("-")[0], stage.replace("@", "-")
    rest = name.removeprefix(whole if name.startswith(whole) else stage.partition("@")[0]).strip("-")
    return f"/{rest}" if rest else ""
