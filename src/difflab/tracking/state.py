"""What the MLflow store already has of the records, as a file for each store in `.cache/tracking/`.

A record is not sent twice, and `difflab why` finds a run without starting MLflow, which takes longer than its answer.
A store that was deleted is another store, known by the creation time of its experiment: everything is sent again. A
file that was lost or damaged costs nothing either: the store is asked for the runs, and gets what it lacks.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from difflab.errors import warn
from difflab.pipeline.files import atomic_write
from difflab.pipeline.run_records import RunRecord, root


def folder() -> Path:
    return root() / ".cache/tracking"


@dataclass
class TrackingState:
    uri: str
    experiment: str  # id and creation time
    runs: dict[str, str] = field(default_factory=dict)  # MLflow's run id by `run_key`, and by the pipeline's
    log_bytes: dict[str, int] = field(default_factory=dict)  # sent of each training log
    closed: list[str] = field(default_factory=list)  # file names of the records that are sent whole
    partly: dict[str, str] = field(default_factory=dict)  # what was sent of others: a status that may not be the last

    @classmethod
    def load(cls, uri: str, experiment: str) -> TrackingState:
        kept = read_state(folder() / f"{experiment}.json")
        return kept if kept and kept.uri == uri else cls(uri, experiment)

    def save(self) -> None:
        with atomic_write(folder() / f"{self.experiment}.json") as partial:
            partial.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")


def read_state(file: str | Path) -> TrackingState | None:
    """None where there is no such file; one that is damaged is skipped and named."""
    try:
        return TypeAdapter(TrackingState).validate_json(Path(file).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        warn(f"{file}: skipped: found no state of a store ({type(error).__name__})")
        return None


def run_key(record: RunRecord) -> str:
    """A killed and continued stage is one run: it works in the same folder, or belongs to the same pipeline run."""
    return record.work_folders[0] if record.work_folders else f"{record.pipeline} {record.command}"


@dataclass(frozen=True)
class Tracked:
    uri: str
    run_id: str


def tracked_run(record: RunRecord) -> Tracked | None:
    """The MLflow run of a record, in the store that was written last."""
    files = sorted(folder().glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    for state in filter(None, map(read_state, files)):
        if run_id := state.runs.get(run_key(record)):
            return Tracked(state.uri, run_id)
    return None
