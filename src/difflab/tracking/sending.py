"""`difflab track`: sends the records of stages to MLflow.

Sending is idempotent. A record is complete when its results have been sent or it has failed. A killed stage may be
resumed, and DVC may record results in dvc.lock later; the next call then sends what is new.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from difflab.errors import UserError, warn
from difflab.history.dvc_lock import LOCK, DamagedLock, LockedStage
from difflab.history.revisions import Revision
from difflab.history.why import made_by
from difflab.pipeline.run_records import RunRecord, read_records
from difflab.tracking.columns import share_columns
from difflab.tracking.pipelines import is_there, metrics_of, send_pipeline
from difflab.tracking.registry import log_results
from difflab.tracking.runs import Curves, allowed_name, log_params, stage_run
from difflab.tracking.store import Store, StoreError, opened_store

INTERVAL = 10.0  # seconds between two checks of `follow`
COMPLETE = "complete"
DATASETS = "prepared/"
STATUS = {"finished": "FINISHED", "failed": "FAILED", "running": "KILLED"}
REFUSALS = ("INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST")


def track() -> str:
    """Send what the store lacks; returns a summary. Raises StoreError if the store does not answer."""
    if not read_records():
        return "MLflow: no stage has run here yet"
    with opened_store() as store:
        return _summary(store, send_ended(store, Curves()))


def follow() -> None:
    """Send what the store lacks every few seconds, including curves of running trainings, until interrupted.

    If the store does not answer or dvc.lock cannot be read, this is printed once and tried again.
    """
    curves = Curves()
    while True:
        try:
            running = [record for record in read_records() if record.alive]
            with opened_store() as store:
                for record in running:
                    with _refusals_named(record.stage):
                        log_params(store, stage_run(store, record), record.params)
                        curves.send(store, record)
                        curves.send_system(store, record)
                if sent := send_ended(store, curves):
                    print(_summary(store, sent), flush=True)
        except (StoreError, DamagedLock) as error:
            warn(str(error))
        time.sleep(INTERVAL)


def _summary(store: Store, sent: list[RunRecord]) -> str:
    without = sum(r.status == "finished" and store.state.sent[r.file.name] != COMPLETE for r in sent)
    details = f"; {without} without results, which are not in {LOCK} (yet)" if without else ""
    lines = [_line(store, pipeline) for pipeline in dict.fromkeys(record.pipeline for record in sent)]
    page = store.page(share_columns(store))
    return "\n".join([f"MLflow: {len(sent)} runs of stages sent to {store.state.uri}{details}", *lines, page])


def _line(store: Store, pipeline: str) -> str:
    """The name and status of a pipeline's run."""
    info = store.client.get_run(store.state.runs[pipeline]).info
    return f"  {info.run_name}: {info.status}"


def send_ended(store: Store, curves: Curves) -> list[RunRecord]:
    """Send each ended stage, then the metrics of the whole pipeline; returns the sent records.

    What the store refuses is printed and tried again the next time. Raises DamagedLock.
    """
    records, sent_before, sent = read_records(), store.state.sent, []
    ended = [r for r in records if sent_before.get(r.file.name) != COMPLETE and not r.alive]
    revisions = {experiment: _revision(experiment) for experiment in {record.experiment for record in ended}}
    results = {r.file.name: results_of(r, records, revisions[r.experiment]) for r in ended}
    due = [r for r in ended if results[r.file.name] or sent_before.get(r.file.name) != r.status]
    for pipeline in dict.fromkeys(record.pipeline for record in due):
        done = []
        for record in (record for record in due if record.pipeline == pipeline):
            with _refusals_named(record.stage):
                send_stage(store, curves, record, results[record.file.name], revisions[record.experiment])
                done.append(record)
        with _refusals_named("a run of the pipeline"):
            if done:
                send_pipeline(store, done[-1], revisions[done[-1].experiment], records)
            sent += done
    for record in sent:  # only at the end, so that a killed call sends everything again
        complete = results[record.file.name] or record.status == "failed"
        store.state.sent[record.file.name] = COMPLETE if complete else record.status
    store.state.save()
    return sent


@contextmanager
def _refusals_named(what: str) -> Iterator[None]:
    """Print an error of a store that answers, and continue; if the store does not answer, the error passes."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code not in REFUSALS:
            raise
        warn(f"MLflow: {what}: skipped, and tried again next time: {' '.join(str(error).split())[:200]}")


def results_of(record: RunRecord, records: list[RunRecord], revision: Revision | None) -> LockedStage | None:
    """The entry of `record`'s results in dvc.lock.

    None if dvc.lock has those of another run, or if the files do not match dvc.lock (yet).
    """
    if revision is None:
        return None
    made = next((stage for stage in revision.lock.values() if stage.command == record.command), None)
    if made is None or made_by(made, records) != record:
        return None
    return made if is_there(made, revision) else None


def _revision(experiment: str | None) -> Revision | None:
    """The experiment or the working folder that has the results; None if there are none.

    Raises DamagedLock for the working folder, whose dvc.lock the user can restore.
    """
    try:
        revision = Revision(experiment)
        return revision if revision.lock else None
    except DamagedLock as error:
        if experiment is None:
            raise
        warn(f"{error}: its results are skipped")
        return None
    except UserError:
        return None  # the experiment was removed, or no stage has ever finished


def send_stage(
    store: Store, curves: Curves, record: RunRecord, made: LockedStage | None, revision: Revision | None
) -> None:
    """Send an ended stage and its results, if any: `made`, its entry in dvc.lock of `revision`."""
    from mlflow.entities import RunTag

    run_id, now = stage_run(store, record), int(1000 * (record.ended or time.time()))
    log_params(store, run_id, record.params)
    curves.send(store, record)
    curves.send_system(store, record)
    if record.seconds:
        store.log_metrics(run_id, {"seconds_resumed" if record.resumed else "seconds": record.seconds}, now)
    if made and revision:
        hashes = {f"dvc.dep/{path}": md5 for path, md5 in made.deps.items()}
        hashes |= {f"dvc.out/{path}": md5 for path, md5 in made.outs.items()}
        store.log(run_id, tags=[RunTag(allowed_name(name), md5) for name, md5 in hashes.items()])
        store.log_metrics(run_id, metrics_of(made, revision), now)
        log_results(store, run_id, made, revision)
        _log_datasets(store, run_id, made)
    store.client.set_terminated(run_id, STATUS[record.status], now)


def _log_datasets(store: Store, run_id: str, made: LockedStage) -> None:
    """Log the prepared data sets that a stage reads as inputs of its MLflow run."""
    from mlflow.entities import Dataset, DatasetInput

    inputs: list[DatasetInput] = []
    for path, md5 in made.deps.items():
        if path.startswith(DATASETS):
            inputs.append(DatasetInput(Dataset(Path(path).stem, md5, "local", json.dumps({"uri": path})), []))
    if inputs:
        store.client.log_inputs(run_id, inputs)
