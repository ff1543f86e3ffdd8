"""The parent run of a pipeline: parameters, results and trained recipes of one commit with one params.yaml."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from difflab.config.load import parse_yaml
from difflab.history.dvc_lock import LockedStage
from difflab.history.measurements import parse_metrics
from difflab.history.own_results import results_of_params
from difflab.history.revisions import Revision, listed
from difflab.history.why import made_by
from difflab.pipeline.run_records import RunRecord
from difflab.tracking.registry import ARTIFACTS, log_results, register
from difflab.tracking.runs import allowed_name, log_params, pipeline_run
from difflab.tracking.store import Store, run_key

TAG_LENGTH = 5000  # MLflow's limit of characters in a tag


def send_pipeline(store: Store, record: RunRecord, revision: Revision | None, records: list[RunRecord]) -> None:
    """Send the results of the pipeline of `record`, as far as dvc.lock of `revision` still has them."""
    of_pipeline = [other for other in records if other.pipeline == record.pipeline]
    parent, now = pipeline_run(store, of_pipeline[0]), int(1000 * max(r.ended or r.started for r in of_pipeline))
    params = _params_of(record, revision)
    if params is not None:
        log_params(store, parent, params)
    if params is not None and revision:
        shown = [s for s in results_of_params(revision.lock, params) if _is_shown(s)]
        results = [stage for stage in shown if is_there(stage, revision)]
        for stage in results:
            store.log_metrics(parent, metrics_of(stage, revision), now)
            log_results(store, parent, stage, revision)
        others = sorted(name for name, stage in revision.lock.items() if stage.metrics and stage not in results)
        store.client.set_tag(parent, "not_of_this_run", ", ".join(others)[:TAG_LENGTH])
        _register(store, results, revision, records)
    _end(store, parent, of_pipeline, now)


def _params_of(record: RunRecord, revision: Revision | None) -> dict[str, Any] | None:
    """The params.yaml of a run; None if an older difflab stored no copy and the file has changed since."""
    if record.params_file.exists():
        return parse_yaml(record.params_file.read_bytes(), str(record.params_file))
    params = revision.read("params.yaml") if revision else None
    if params is None or hashlib.sha256(params).hexdigest() != record.params_sha256:
        return None
    return parse_yaml(params, f"params.yaml of {revision}")


def _register(store: Store, results: list[LockedStage], revision: Revision, records: list[RunRecord]) -> None:
    for stage in results:
        kind, _, recipe = stage.name.partition("@")
        if kind == "train" and (record := made_by(stage, records)):
            run_id = store.state.runs.get(run_key(record))
            if run_id and store.has(run_id) and revision.read(f"models/{recipe}/model_index.json"):
                register(store, recipe, run_id, revision)


def _end(store: Store, parent: str, records: list[RunRecord], milliseconds: int) -> None:
    """End the run, as FAILED if the last run of any stage failed or was killed; open while a stage is running."""
    last = {record.stage: record for record in records}.values()  # the newest of each stage comes last
    if any(record.alive for record in last):
        store.client.update_run(parent, "RUNNING")
    else:
        failed = any(record.status != "finished" for record in last)
        store.client.set_terminated(parent, "FAILED" if failed else "FINISHED", milliseconds)


def _is_shown(stage: LockedStage) -> bool:
    return stage.name.startswith("train@") or any(out.endswith(ARTIFACTS) for out in stage.outs)


def metrics_of(made: LockedStage, revision: Revision) -> dict[str, float]:
    """The measurements in the metrics files of a stage, with names such as `joint-cosine/accuracy.low`."""
    metrics: dict[str, float] = {}
    for path in made.metrics:
        if content := revision.read(path):
            numbers = parse_metrics(content, f"{path} of {revision}").numbers
            metrics |= {allowed_name(f"{Path(path).stem}/{name}"): value for name, value in numbers.items()}
    return metrics


def is_there(made: LockedStage, revision: Revision) -> bool:
    """Whether the outputs match dvc.lock: in the working folder they may differ, in a commit never."""
    return revision.commit is not None or all(_is_as_locked(Path(out), md5) for out, md5 in made.outs.items())


def _is_as_locked(out: Path, md5: str) -> bool:
    """Whether `out` in the working folder matches dvc.lock."""
    hashes = {out / path: inside for path, inside in listed(md5).items()} if md5.endswith(".dir") else {out: md5}
    return all(_md5(file) == locked for file, locked in hashes.items() if file.is_file())


def _md5(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
