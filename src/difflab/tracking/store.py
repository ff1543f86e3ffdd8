"""The MLflow store: `MLFLOW_TRACKING_URI`, or a database beside the repository's files.

MLflow's settings of the experiment and the registry are its own: MLFLOW_EXPERIMENT_NAME, MLFLOW_EXPERIMENT_ID and
MLFLOW_REGISTRY_URI.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from filelock import FileLock

from difflab.errors import UserError, warn
from difflab.pipeline.run_records import root
from difflab.tracking.state import TrackingState, folder

EXPERIMENT = "difflab"
KEY_TAG = "difflab_run"  # by which a run is found again: a hash of its `run_key`
# Read when mlflow is imported. Its own patience, minutes, is for programs that lose what they cannot send.
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "GIT_PYTHON_REFRESH": "quiet",
}


@dataclass
class Store:
    """A connection, and what the store has already."""

    client: Any  # mlflow.MlflowClient
    experiment_id: str
    state: TrackingState
    present: set[str] = field(default_factory=set)  # ids of runs that were seen in it by this connection

    def run(self, key: str, create: Callable[[dict[str, str]], Any]) -> tuple[str, bool]:
        """The id of the run `key`, and whether it is new: `create` makes it of tags where the store has none, or where
        its user has deleted the one that it had."""
        run_id, new = self.state.runs.get(key), False
        if run_id is None or not self.has(run_id):
            tags = {KEY_TAG: hashlib.sha256(key.encode()).hexdigest()}
            lost = self.client.search_runs([self.experiment_id], f"tags.{KEY_TAG} = '{tags[KEY_TAG]}'", max_results=1)
            new = not lost
            run_id = (create(tags) if new else lost[0]).info.run_id
            self.state.runs[key] = run_id
            self.state.save()
            self.present.add(run_id)
        return run_id, new

    def has(self, run_id: str) -> bool:
        """Whether the run is there and was not deleted, which a user can do and undo in MLflow's pages."""
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


class StoreError(UserError):
    """The store does not answer; nothing is lost."""


def tracking_uri() -> str:
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root() / 'mlflow.db'}"


@contextmanager
def opened_store() -> Iterator[Store]:
    """The store, for this process alone: two at once would both create its tables, or the same run.

    Raises UserError where MLflow is not installed, and StoreError when the store does not answer, then or in the block.
    """
    os.environ |= SETTINGS | {key: os.environ[key] for key in SETTINGS.keys() & os.environ.keys()}
    try:
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError
    except ModuleNotFoundError:
        raise UserError("mlflow: not installed; `make repro` installs it") from None
    folder().mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder() / "store.lock"):
            yield _connect()
    except (MlflowException, SQLAlchemyError, OSError) as error:
        uri, shown = tracking_uri(), _without_password(tracking_uri())
        first = next(iter(str(error).replace(uri, shown).splitlines()), type(error).__name__)[:200]
        kept = "what was recorded is kept, and `difflab track` sends it"
        raise StoreError(f"MLflow at {shown}: {first}; {kept}") from None


def _connect() -> Store:
    from mlflow import MlflowClient

    uri = tracking_uri()
    client = MlflowClient(uri, registry_uri=os.environ.get("MLFLOW_REGISTRY_URI") or uri)
    experiment = _experiment(client)
    if experiment.lifecycle_stage == "deleted":  # MLflow takes no new one of its name before `mlflow gc` removes it
        client.restore_experiment(experiment.experiment_id)
        warn(f"MLflow: the experiment {experiment.name!r} was deleted; it is restored, with its runs")
    identity = f"{experiment.experiment_id}-{experiment.creation_time}"
    state = TrackingState.load(_without_password(uri), identity)
    return Store(client, experiment.experiment_id, state)


def _experiment(client: Any) -> Any:
    """The experiment that MLflow's own settings name, by default `difflab`, made where there is none of that name."""
    if number := os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return client.get_experiment(number)
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
    if found := client.get_experiment_by_name(name):
        return found
    # By default a folder of the working directory of whoever creates the experiment.
    location = None if os.environ.get("MLFLOW_TRACKING_URI") else (root() / "mlartifacts").as_uri()
    return client.get_experiment(client.create_experiment(name, artifact_location=location))


def _without_password(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
