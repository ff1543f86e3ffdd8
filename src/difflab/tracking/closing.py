"""What is known of a stage when it has ended: DVC's hashes, metrics, figures, models."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from difflab.errors import parse_json
from difflab.history.dvc_lock import LockedStage
from difflab.history.revisions import Revision
from difflab.pipeline.run_records import RunRecord
from difflab.tracking.registry import model_card
from difflab.tracking.runs import allowed_name, flat, log_params, stage_run
from difflab.tracking.store import Store

SHOWN = (".png", ".gif", ".json")
TAGS_BATCH = 100  # MLflow's limit in one call


def close_stage(store: Store, record: RunRecord, made: LockedStage | None, revision: Revision) -> None:
    """End the run of `record`; `made` is what dvc.lock of `revision` says of it, if it is its work."""
    from mlflow.entities import Metric

    run_id = stage_run(store, record)
    log_params(store, run_id, record.params)  # a follower saw only those that were read before the training began
    now = int(1000 * (record.ended or time.time()))
    if record.seconds:
        metric = "seconds_resumed" if record.resumed else "seconds"
        store.client.log_batch(run_id, metrics=[Metric(metric, record.seconds, now, 0)])
    if made:
        _log_hashes(store, run_id, made)
        metrics = [Metric(name, value, now, 0) for name, value in metrics_of(made, revision).items()]
        for start in range(0, len(metrics), 1000):
            store.client.log_batch(run_id, metrics=metrics[start : start + 1000])
        _log_artifacts(store, run_id, made, revision)
    status = {"finished": "FINISHED", "failed": "FAILED", "running": "KILLED"}[record.status]
    store.client.set_terminated(run_id, status, now)


def _log_hashes(store: Store, run_id: str, made: LockedStage) -> None:
    from mlflow.entities import RunTag

    hashes = {f"dvc.dep/{path}": md5 for path, md5 in made.deps.items()}
    hashes |= {f"dvc.out/{path}": md5 for path, md5 in made.outs.items()}
    tags = [RunTag(allowed_name(name), md5) for name, md5 in hashes.items()]
    for start in range(0, len(tags), TAGS_BATCH):
        store.client.log_batch(run_id, tags=tags[start : start + TAGS_BATCH])


def metrics_of(made: LockedStage, revision: Revision) -> dict[str, float]:
    """The numbers of the metrics files of a stage, but not how and of what they were taken."""
    numbers: dict[str, float] = {}
    for path in made.metrics:
        content = revision.read(path)
        numbers |= numbers_of(parse_json(content, f"{path} of {revision}")) if content else {}
    return numbers


def numbers_of(metrics: dict[str, Any]) -> dict[str, float]:
    """By dotted names, that of a value with an interval without its `.value`."""
    numbers = {}
    for name, value in flat(metrics).items():
        measured = not {"protocol", "reported"} & set(name.split("."))
        if measured and isinstance(value, int | float) and not isinstance(value, bool):
            numbers[allowed_name(name.removesuffix(".value"))] = float(value)
    return numbers


def _log_artifacts(store: Store, run_id: str, made: LockedStage, revision: Revision) -> None:
    """Figures and metrics, and of a trained model its card."""
    with tempfile.TemporaryDirectory() as folder:
        for path in made.outs:
            content = revision.read(path) if path.endswith(SHOWN) else None
            if content is None and revision.read(f"{path}/model_index.json"):
                path, content = f"{path}/model_card.md", model_card(path, revision).encode()
            if content is not None:
                file = Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        if any(Path(folder).iterdir()):
            store.client.log_artifacts(run_id, folder)
