"""`difflab track`: all records of stages that have ended, to MLflow."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ruamel.yaml import YAML

from difflab.errors import UserError
from difflab.provenance import made_by
from difflab.revisions import Revision
from difflab.run_records import RunRecord, read_records
from difflab.tracking.closing import close_stage, metrics_of
from difflab.tracking.registry import register
from difflab.tracking.runs import allowed_name, log_params, pipeline_run
from difflab.tracking.state import run_key
from difflab.tracking.store import Store, opened_store
from difflab.tracking.training_logs import LogSender


def track() -> str:
    """Send what the store does not have; says what that was. Raises StoreError when the store does not answer."""
    if not read_records():
        return "MLflow: no stage has run here yet"
    with opened_store() as store:
        closed = close_ended(store, LogSender())
    return f"MLflow: {len(closed)} runs of stages sent to {store.state.uri}"


def close_ended(store: Store, logs: LogSender) -> list[RunRecord]:
    """Send all that is known of each stage that has ended, then what is known of the whole pipeline."""
    records = read_records()
    ended = [r for r in records if r.file.name not in store.state.closed and not r.alive]
    revisions = {experiment: _revision(experiment) for experiment in {record.experiment for record in ended}}
    for record in ended:
        revision = revisions[record.experiment]
        made = revision.lock.get(record.stage) if revision else None
        own = made if made and made_by(made, records) == record else None
        logs.send(store, record)
        close_stage(store, record, own, revision or Revision(None))
    for pipeline in {record.pipeline for record in ended}:
        its = [record for record in ended if record.pipeline == pipeline]
        _close_pipeline(store, its, revisions[its[-1].experiment], records)
    store.state.closed += [record.file.name for record in ended]  # what went only half way is sent again
    store.state.save()
    return ended


def _revision(experiment: str | None) -> Revision | None:
    """Where results are: in an experiment, or in the working folder; None when there are none."""
    try:
        revision = Revision(experiment)
        return revision if revision.lock else None
    except UserError:
        return None  # the experiment was removed, or nothing was ever finished


def _close_pipeline(
    store: Store, records: list[RunRecord], revision: Revision | None, everything: list[RunRecord]
) -> None:
    """Parameters and metrics of the whole pipeline, to compare runs of it by; and the recipes that it has trained."""
    from mlflow.entities import Metric

    last = records[-1]
    run_id = pipeline_run(store, last)
    params = revision.read("params.yaml") if revision else None
    now = int(1000 * (last.ended or last.started))
    if revision and params and hashlib.sha256(params).hexdigest() == last.params_sha256:
        log_params(store, run_id, YAML(typ="safe").load(params))
        metrics = {}
        for stage in revision.lock.values():
            file = next((Path(out).stem for out in stage.metrics), "")
            metrics |= {f"{allowed_name(file)}/{name}": value for name, value in metrics_of(stage, revision).items()}
        logged = [Metric(name, value, now, 0) for name, value in metrics.items()]
        for start in range(0, len(logged), 1000):
            store.client.log_batch(run_id, metrics=logged[start : start + 1000])
        if revision.commit is None:
            _register_recipes(store, {record.stage for record in records}, revision, everything)
    failed = any(record.status != "finished" for record in records)
    store.client.set_terminated(run_id, "FAILED" if failed else "FINISHED", now)


def _register_recipes(store: Store, stages: set[str], revision: Revision, records: list[RunRecord]) -> None:
    for recipe in sorted({s.partition("@")[2] for s in stages if s.startswith(("train@", "evaluate@"))}):
        trained = revision.lock.get(f"train@{recipe}")
        record = made_by(trained, records) if trained else None
        if record and run_key(record) in store.state.runs and Path("models", recipe).is_dir():
            register(store, recipe, store.state.runs[run_key(record)], revision)
