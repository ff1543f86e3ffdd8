"""`difflab track`: all records of stages that have ended, to MLflow.

Sending twice leaves what sending once does. A record is closed for good when its results are sent or it has failed; of
a stage that was killed, or whose results DVC has not entered into dvc.lock yet, more may come, and is sent then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from difflab.config.load import parse_yaml
from difflab.errors import UserError, warn
from difflab.history.dvc_lock import LOCK, DamagedLock, LockedStage
from difflab.history.revisions import Revision, listed
from difflab.history.why import made_by
from difflab.pipeline.run_records import RunRecord, read_records
from difflab.tracking.closing import close_stage, metrics_of
from difflab.tracking.registry import register
from difflab.tracking.runs import allowed_name, log_params, pipeline_run, stage_run
from difflab.tracking.state import run_key
from difflab.tracking.store import Store, opened_store
from difflab.tracking.training_logs import LogSender

REFUSALS = ("INVALID_PARAMETER_VALUE", "INVALID_STATE", "RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST")


def track() -> str:
    """Send what the store does not have; says what that was. Raises StoreError when the store does not answer."""
    if not read_records():
        return "MLflow: no stage has run here yet"
    with opened_store() as store:
        sent = close_ended(store, LogSender())
    without = sum(record.status == "finished" and record.file.name in store.state.partly for record in sent)
    told = f"; {without} without results, which {LOCK} does not hold (yet)" if without else ""
    return f"MLflow: {len(sent)} runs of stages sent to {store.state.uri}{told}"


def close_ended(store: Store, logs: LogSender) -> list[RunRecord]:
    """Send all that is known of each stage that has ended, then what is known of the whole pipeline.

    What the store refuses is named, and tried again the next time. Raises DamagedLock.
    """
    records, state, sent = read_records(), store.state, []
    ended = [r for r in records if r.file.name not in state.closed and not r.alive]
    revisions = {experiment: _revision(experiment) for experiment in {record.experiment for record in ended}}
    results = {r.file.name: results_of(r, records, revisions[r.experiment]) for r in ended}
    due = [r for r in ended if results[r.file.name] or state.partly.get(r.file.name) != r.status]
    for pipeline in dict.fromkeys(record.pipeline for record in due):
        done = []
        for record in (record for record in due if record.pipeline == pipeline):
            with _refusals_named(record.stage):
                stage_run(store, record)
                logs.send(store, record)
                close_stage(store, record, results[record.file.name], revisions[record.experiment] or Revision(None))
                done.append(record)
        with _refusals_named("a run of the pipeline"):
            if done:
                _close_pipeline(store, done, revisions[done[-1].experiment], records)
            sent += done
    for record in sent:  # what went only half way is sent again
        if results[record.file.name] or record.status == "failed":
            state.closed.append(record.file.name)
            state.partly.pop(record.file.name, None)
        else:
            state.partly[record.file.name] = record.status
    state.save()
    return sent


@contextmanager
def _refusals_named(what: str) -> Iterator[None]:
    """A store that answers, and refuses this alone, gets the rest; one that does not answer ends the sending."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code not in REFUSALS:
            raise
        warn(f"MLflow: {what}: skipped, and tried again next time: {' '.join(str(error).split())[:200]}")


def results_of(record: RunRecord, records: list[RunRecord], revision: Revision | None) -> LockedStage | None:
    """What dvc.lock says of the work of `record`; None where it holds that of another run, or DVC has yet to enter it:
    the files are then not those of dvc.lock."""
    made = revision.lock.get(record.stage) if revision else None
    if revision is None or made is None or made_by(made, records) != record:
        return None
    return made if revision.commit or all(_is_as_locked(Path(out), md5) for out, md5 in made.outs.items()) else None


def _is_as_locked(out: Path, md5: str) -> bool:
    """Whether no file of `out` in the working folder has other contents than in dvc.lock."""
    hashes = {out / path: inside for path, inside in listed(md5).items()} if md5.endswith(".dir") else {out: md5}
    return all(_md5(file) == locked for file, locked in hashes.items() if file.is_file())


def _md5(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _revision(experiment: str | None) -> Revision | None:
    """Where results are: in an experiment, or in the working folder; None when there are none.

    Raises DamagedLock where the working folder's dvc.lock is: it can be mended.
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
        log_params(store, run_id, parse_yaml(params, f"params.yaml of {revision}"))
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
        run_id = store.state.runs.get(run_key(record)) if record else None
        if run_id and Path("models", recipe).is_dir():
            if store.has(run_id):
                register(store, recipe, run_id, revision)
            else:
                warn(f"MLflow: model {recipe}: skipped, because the run of train@{recipe} was deleted")
