"""The MLflow store, `MLFLOW_TRACKING_URI` or a database in the repository, and a record of what was sent to it.

MLflow's environment variables select the experiment and the registry: MLFLOW_EXPERIMENT_NAME, MLFLOW_EXPERIMENT_ID and
MLFLOW_REGISTRY_URI.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from difflab.errors import UserError, warn
from difflab.pipeline.files import atomic_write
from difflab.pipeline.run_records import RunRecord, root

EXPERIMENT = "difflab"
KIND = {"mlflow.experimentKind": "custom_model_development"}  # the other kind shows traces first
KEY_TAG = "difflab_run"  # identifies a run in the store: a hash of its `run_key`
CONNECT_SECONDS = 10  # for a database server
BATCH_SIZES = {"metrics": 1000, "params": 100, "tags": 100}  # MLflow's limits for one call
# MLflow reads these at import. Its defaults retry for minutes.
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}


class StoreError(UserError):
    """The store does not answer; nothing is lost, as a later call sends the same records."""


def state_folder() -> Path:
    return root() / ".cache/tracking"


@dataclass
class TrackingState:
    """What has been sent to one store, in a file in `.cache/tracking/`.

    It avoids sending a record twice, and lets `difflab why` find a run without importing MLflow. If the file is lost or
    damaged, runs are looked up in the store. A recreated store has an experiment with another creation time, so
    everything is sent again.
    """

    uri: str
    experiment: str  # id and creation time
    runs: dict[str, str] = field(default_factory=dict)  # MLflow's run ids by `run_key` of a stage or pipeline
    sent: dict[str, str] = field(default_factory=dict)  # by record file: COMPLETE, or the status that was sent

    def save(self) -> None:
        with atomic_write(state_folder() / f"{self.experiment}.json") as partial:
            partial.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")


def _read_state(file: Path) -> TrackingState | None:
    """The state in `file`; None if there is none. A damaged file is skipped with a warning."""
    try:
        return TypeAdapter(TrackingState).validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        warn(f"{file}: skipped: found no state of a store ({type(error).__name__})")
        return None


def run_key(record: RunRecord) -> str:
    """Key of a stage's run. A killed and resumed stage is one run: it has the same work folder or pipeline run."""
    return record.work_folders[0] if record.work_folders else f"{record.pipeline} {record.command}"


@dataclass(frozen=True)
class Tracked:
    uri: str
    run_id: str

    def __str__(self) -> str:
        return f"run {self.run_id} in {self.uri}"


def tracked_run(record: RunRecord) -> Tracked | None:
    """The MLflow run of a record, in the most recently written store."""
    files = sorted(state_folder().glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    for state in filter(None, map(_read_state, files)):
        if run_id := state.runs.get(run_key(record)):
            return Tracked(state.uri, run_id)
    return None


@dataclass
class Store:
    """A connection to the store, and the state of what has been sent."""

    client: Any  # mlflow.MlflowClient
    experiment_id: str
    state: TrackingState
    present: set[str] = field(default_factory=set)  # ids of runs found in the store over this connection

    def page(self, view: str) -> str:
        """Link to the experiment's table of runs, with the parameters `view`; MLflow's start page shows traces."""
        own = self.state.uri.startswith("http")
        server = self.state.uri if own else "http://127.0.0.1:5000"
        link = f"  {server}/#/experiments/{self.experiment_id}/runs?workflowType=machine_learning{view}"
        return link if own else f"{link} while `make ui` is running"

    def run(self, key: str, started: float, describe: Callable[[], tuple[str, dict[str, str]]]) -> str:
        """The id of the run `key`, created if the store has none or a user has deleted it.

        `describe` returns name and tags for a new run.
        """
        run_id = self.state.runs.get(key)
        if run_id is None or not self.has(run_id):
            key_hash = hashlib.sha256(key.encode()).hexdigest()
            found = self.client.search_runs([self.experiment_id], f"tags.{KEY_TAG} = '{key_hash}'", max_results=1)
            if found:
                run = found[0]
            else:
                name, tags = describe()
                tags[KEY_TAG] = key_hash
                run = self.client.create_run(self.experiment_id, int(1000 * started), tags, name)
            run_id = self.state.runs[key] = run.info.run_id
            self.state.save()
            self.present.add(run_id)
        return run_id

    def has(self, run_id: str) -> bool:
        """Whether the run exists and is not deleted; users can delete and restore runs in MLflow's UI."""
        from mlflow.exceptions import MlflowException

        if run_id not in self.present:
            try:
                if self.client.get_run(run_id).info.lifecycle_stage != "active":
                    return False
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return False
            self.present.add(run_id)
        return True

    def log(self, run_id: str, **entities: Sequence[Any]) -> None:
        """Log MLflow entities as `metrics`, `params` and `tags`, any number of each."""
        for kind, items in entities.items():
            size = BATCH_SIZES[kind]
            for start in range(0, len(items), size):
                self.client.log_batch(run_id, **{kind: items[start : start + size]})

    def log_metrics(self, run_id: str, values: dict[str, float], milliseconds: int) -> None:
        """Log final values, which belong to no step."""
        from mlflow.entities import Metric

        self.log(run_id, metrics=[Metric(name, value, milliseconds, 0) for name, value in values.items()])


def tracking_uri() -> str:
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root() / 'mlflow.db'}"


@contextmanager
def opened_store() -> Iterator[Store]:
    """Connect to the store with a lock: two processes at once would both create its tables, or the same run.

    Raises UserError if MLflow is not installed, and StoreError if the store does not answer, also within the block.
    """
    os.environ |= SETTINGS | {key: os.environ[key] for key in SETTINGS.keys() & os.environ.keys()}
    try:
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError
    except ModuleNotFoundError:
        raise UserError("mlflow: not installed; `make repro` installs it") from None
    state_folder().mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(state_folder() / "store.lock"):
            yield _connect()
    except (MlflowException, SQLAlchemyError, OSError, ModuleNotFoundError) as error:  # the last: no database driver
        uri, shown = tracking_uri(), _without_password(tracking_uri())
        first = next(iter(str(error).replace(uri, shown).splitlines()), type(error).__name__)[:200]
        raise StoreError(f"MLflow at {shown}: {first}; nothing is lost, `difflab track` sends it later") from None


def _connect() -> Store:
    from mlflow import MlflowClient

    uri = tracking_uri()
    for database in {uri, os.environ.get("MLFLOW_REGISTRY_URI") or uri}:
        _try(database)
    client = MlflowClient(uri, registry_uri=os.environ.get("MLFLOW_REGISTRY_URI") or uri)
    experiment = _experiment(client)
    if experiment.lifecycle_stage == "deleted":  # until `mlflow gc`, MLflow cannot create another one of this name
        client.restore_experiment(experiment.experiment_id)
        warn(f"MLflow: the experiment {experiment.name!r} was deleted; it is restored, with its runs")
    identity = f"{experiment.experiment_id}-{experiment.creation_time}"
    state, uri = _read_state(state_folder() / f"{identity}.json"), _without_password(uri)
    if state is None or state.uri != uri:
        state = TrackingState(uri, identity)
    return Store(client, experiment.experiment_id, state)


def _try(uri: str) -> None:
    """Connect to a database once; MLflow itself would try ten times within a minute and a half."""
    from mlflow.utils.uri import is_databricks_uri, is_http_uri, is_local_uri
    from sqlalchemy import create_engine, make_url

    if is_http_uri(uri) or is_databricks_uri(uri) or is_local_uri(uri):
        return
    sqlite = make_url(uri).get_backend_name() == "sqlite"
    create_engine(uri, connect_args={} if sqlite else {"connect_timeout": CONNECT_SECONDS}).connect().close()


def _experiment(client: Any) -> Any:
    """The experiment that MLflow's variables name, by default `difflab`; created if it does not exist."""
    if number := os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return client.get_experiment(number)
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
    if found := client.get_experiment_by_name(name):
        return found
    # By default, MLflow uses a folder in the working directory of the process that creates the experiment.
    location = None if os.environ.get("MLFLOW_TRACKING_URI") else (root() / "mlartifacts").as_uri()
    return client.get_experiment(client.create_experiment(name, artifact_location=location, tags=KIND))


def _without_password(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    if rest.startswith("/"):
        return uri  # a file, whose path may contain an @
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
