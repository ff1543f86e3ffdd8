"""A repository with records of stages, and the MLflow stores to send them to."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from as_if_run import LOG, TRAINING, log_lines

from difflab.tracking.store import opened_store

METRICS = {"num_images": 10, "accuracy": {"value": 0.8, "low": 0.7, "high": 0.9}, "protocol": {"n": 3}}


def md5(path: str) -> str:
    return hashlib.md5(Path(path).read_bytes()).hexdigest()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Making its tables takes longer than a test."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("DVC_ROOT", str(folder))
        with opened_store():
            pass
    return folder / "mlflow.db"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One recipe, trained and graded, and a figure; nothing is on record."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    subprocess.run(["git", "init", "--quiet"], check=True)
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, "commit", "--quiet", "--allow-empty", "--message", "first"], check=True)
    files = {
        "params.yaml": "recipes: {a: {training: {seed: 0, learning_rate: 0.1}}}\n",
        "models/a/model_index.json": '{"_class_name": "UnconditionalPipeline"}',
        "models/a/unet/weights": "w",
        "models/a/unet/config.json": '{"sample_size": 8}',
        "models/a/snapshots/step_1": "s",
        "metrics/a.json": json.dumps(METRICS),
        "metrics/a_cases.csv": "true,predicted\n",
        "figures/a.png": "drawn",
        LOG: log_lines(10, 20),
    }
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    model = {"path": "models/a/", "md5": "m.dir"}
    stages = {
        "train@a": {"cmd": "python stages/train.py a", "params": {"params.yaml": TRAINING}, "outs": [model]},
        "evaluate@a": {
            "cmd": "python stages/evaluate.py a",
            "deps": [model],
            "outs": [
                {"path": path, "md5": md5(path)} for path in ("metrics/a_cases.csv", "metrics/a.json", "figures/a.png")
            ],
        },
    }
    Path("dvc.lock").write_text(yaml.dump({"schema": "2.0", "stages": stages}))
    return tmp_path


@pytest.fixture
def stored(repository: Path, empty_store: Path) -> Path:
    """The same with its database."""
    shutil.copy(empty_store, repository)
    return repository


@pytest.fixture
def runs():
    """The runs in the store by name, MLflow's own entities."""

    def read() -> dict:
        with opened_store() as store:
            found = store.client.search_runs([store.experiment_id])
            artifacts = {run.info.run_id: _artifacts(store.client, run.info.run_id) for run in found}
            for run in found:
                run.artifacts = artifacts[run.info.run_id]
            return {run.info.run_name: run for run in found}

    return read


def _artifacts(client, run_id: str, folder: str | None = None) -> set[str]:
    listed = client.list_artifacts(run_id, folder)
    inside = [_artifacts(client, run_id, item.path) for item in listed if item.is_dir]
    return {item.path for item in listed if not item.is_dir}.union(*inside)
