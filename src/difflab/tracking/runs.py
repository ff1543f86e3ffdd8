"""The MLflow runs: one for each run of the pipeline, and in it one for each stage."""

from __future__ import annotations

import re
from typing import Any

from difflab.changes import text_of
from difflab.run_records import RunRecord
from difflab.tracking.state import run_key
from difflab.tracking.store import Store

PARAMS_BATCH = 100  # MLflow's limits of parameters in one call, and of characters in a value
PARAM_LENGTH = 6000


def stage_run(store: Store, record: RunRecord) -> str:
    """The id of the run of a stage, begun or, when it is that of a killed one, taken up again."""
    key = run_key(record)
    if key not in store.state.runs:
        tags = {"mlflow.parentRunId": pipeline_run(store, record), "stage": record.stage, "command": record.command}
        start = int(1000 * record.started)
        run = store.client.create_run(store.experiment_id, start, tags | _tags(record), record.stage)
        store.state.runs[key] = run.info.run_id
        store.state.save()
        log_params(store, run.info.run_id, record.params)
    return store.state.runs[key]


def pipeline_run(store: Store, record: RunRecord) -> str:
    """The id of the parent run of all stages of one commit with one params.yaml."""
    if record.pipeline not in store.state.runs:
        name = record.experiment or f"{(record.commit or 'no commit')[:10]} {record.params_sha256[:6]}"
        run = store.client.create_run(store.experiment_id, int(1000 * record.started), _tags(record), name)
        store.state.runs[record.pipeline] = run.info.run_id
        store.state.save()
    return store.state.runs[record.pipeline]


def _tags(record: RunRecord) -> dict[str, str]:
    return {
        "commit": record.commit or "none",
        "sources": "edited" if record.edited else "as committed",
        "params_sha256": record.params_sha256,
        "experiment": record.experiment or "none",
        "host": record.host,
    }


def log_params(store: Store, run_id: str, params: dict[str, Any]) -> None:
    """Each single value by its dotted name; a list is one value."""
    from mlflow.entities import Param

    logged = [Param(allowed_name(key), text_of(value)[:PARAM_LENGTH]) for key, value in flat(params).items()]
    for start in range(0, len(logged), PARAMS_BATCH):
        store.client.log_batch(run_id, params=logged[start : start + PARAMS_BATCH])


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
