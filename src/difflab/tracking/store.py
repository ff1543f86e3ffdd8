"""The MLflow store: `MLFLOW_TRACKING_URI`, or a database beside the repository's files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from filelock import FileLock

from difflab.errors import UserError
from difflab.run_records import root
from difflab.tracking.state import TrackingState, folder

EXPERIMENT = "difflab"
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
    client = MlflowClient(uri, registry_uri=uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        # By default a folder of the working directory of whoever creates the experiment.
        location = None if "MLFLOW_TRACKING_URI" in os.environ else (root() / "mlartifacts").as_uri()
        experiment = client.get_experiment(client.create_experiment(EXPERIMENT, artifact_location=location))
    identity = f"{experiment.experiment_id}-{experiment.creation_time}"
    state = TrackingState.load(_without_password(uri), identity)
    return Store(client, experiment.experiment_id, state)


def _without_password(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
