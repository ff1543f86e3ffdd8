"""The MLflow runs: one for each run of the pipeline, and in it one for each stage."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from difflab.errors import warn
from difflab.history.changes import text_of
from difflab.pipeline.run_records import RunRecord, root
from difflab.tracking.state import run_key
from difflab.tracking.store import Store

PARAMS_BATCH = 100  # MLflow's limits of parameters in one call, and of characters in a value
PARAM_LENGTH = 6000


def stage_run(store: Store, record: RunRecord) -> str:
    """The id of the run of a stage, begun or, when it is that of a killed one, taken up again."""

    def create(tags: dict[str, str]) -> Any:
        tags |= {"mlflow.parentRunId": pipeline_run(store, record), "stage": record.stage, "command": record.command}
        start = int(1000 * record.started)
        return store.client.create_run(store.experiment_id, start, tags | _tags(record), record.stage)

    run_id, new = store.run(run_key(record), create)
    if new:
        for log in record.training_logs:  # which are sent to it from their beginning
            store.state.log_bytes.pop(log_name(log), None)
        log_params(store, run_id, record.params)
    return run_id


def pipeline_run(store: Store, record: RunRecord) -> str:
    """The id of the parent run of all stages of one commit with one params.yaml."""

    def create(tags: dict[str, str]) -> Any:
        name = record.experiment or f"{(record.commit or 'no commit')[:10]} {record.params_sha256[:6]}"
        return store.client.create_run(store.experiment_id, int(1000 * record.started), tags | _tags(record), name)

    return store.run(record.pipeline, create)[0]


def _tags(record: RunRecord) -> dict[str, str]:
    return {
        "commit": record.commit or "none",
        "sources": "edited" if record.edited else "as committed",
        "params_sha256": record.params_sha256,
        "experiment": record.experiment or "none",
        "host": record.host,
    }


def log_params(store: Store, run_id: str, params: dict[str, Any]) -> None:
    """Each single value by its dotted name; a list is one value. MLflow takes a parameter once: another value of one
    that the run has already is named."""
    from mlflow.entities import Param

    there = store.client.get_run(run_id).data.params
    values = {allowed_name(key): text_of(value)[:PARAM_LENGTH] for key, value in flat(params).items()}
    for key in there.keys() & values.keys():
        if there[key] != values[key]:
            warn(f"MLflow: run {run_id}: {key} stays {there[key]}; skipped: {values[key]}")
    logged = [Param(key, value) for key, value in values.items() if key not in there]
    for start in range(0, len(logged), PARAMS_BATCH):
        store.client.log_batch(run_id, params=logged[start : start + PARAMS_BATCH])


def log_name(log: Path) -> str:
    """A training log's name in the tracking state."""
    return str(log.relative_to(root()))


def flat(values: dict[str, Any], key: str = "") -> dict[str, Any]:
    """The values of nested dicts by dotted name."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        inside = f"{key}.{name}".strip(".")
        found |= flat(value, inside) if isinstance(value, dict) and value else {inside: value}
    return found


def allowed_name(name: str) -> str:
    """MLflow allows letters, digits and _-. :/ in names."""
    return re.sub(r"[^\w\-. :/]", "_", name)
