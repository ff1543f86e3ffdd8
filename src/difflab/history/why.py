"""Where a file comes from: `difflab why FILE`.

Stage, parameters, inputs, commit, time and MLflow run are found by the content of the file: in dvc.lock, in git's
history of dvc.lock, and in the records of runs. None is stored in the file: equal inputs give equal bytes.
"""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from difflab.errors import UserError
from difflab.history.changes import causes, text_of
from difflab.history.dvc_lock import LOCK, Lock, LockedStage, maker, makers
from difflab.history.revisions import Revision, git
from difflab.pipeline.run_records import RunRecord, read_records
from difflab.tracking.state import Tracked, tracked_run


@dataclass(frozen=True)
class Provenance:
    """What is known of one out of the pipeline; `path` names it in the repository, `md5` is dvc.lock's."""

    path: str
    md5: str
    stage: LockedStage
    lock: Lock
    commit: str | None  # the first of those, up to now, whose dvc.lock holds these bytes; None: not committed yet
    record: RunRecord | None  # of the run that made it, if it was on this machine
    tracked: Tracked | None  # in MLflow


def provenance(file: Path) -> Provenance:
    """Raises UserError when no stage makes `file`, nor anything with its content."""
    lock = Revision(None).lock
    path = str(file.resolve().relative_to(Path.cwd())) if file.resolve().is_relative_to(Path.cwd()) else str(file)
    made = maker(lock, path) or _by_content(lock, file)
    if made is None:
        raise UserError(f"{file}: found no stage in {LOCK} that makes it, allowed: an output of one, or a copy of it")
    stage, out = made
    record = made_by(stage, read_records())
    tracked = tracked_run(record) if record else None
    return Provenance(out, stage.outs[out], stage, lock, _first_commit(stage.outs[out]), record, tracked)


def made_by(stage: LockedStage, records: list[RunRecord]) -> RunRecord | None:
    """The record of the run that left what dvc.lock holds: the last that finished with this command and parameters."""
    same = (r for r in records if r.command == stage.command and r.params == stage.params and r.status == "finished")
    return max(same, key=lambda record: record.started, default=None)


def _by_content(lock: Lock, file: Path) -> tuple[LockedStage, str] | None:
    if not file.is_file():
        return None
    md5 = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
    return next(((stage, out) for stage in lock.values() for out, is_ in stage.outs.items() if is_ == md5), None)


def _first_commit(md5: str) -> str | None:
    """Going back from HEAD over the commits of dvc.lock, the last that still holds `md5`."""
    try:
        commits = git("log", "--format=%H", "--", str(LOCK)).decode().split()
    except UserError:
        return None  # outside git, or before its first commit
    first = None
    for commit in commits:
        text = subprocess.run(["git", "cat-file", "blob", f"{commit}:./{LOCK}"], capture_output=True).stdout
        if md5.encode() not in text:
            break
        first = commit
    return first


def explain(file: Path, since: str | None) -> str:
    """The text of `difflab why`: the provenance of `file`, and what was changed since a revision."""
    known = provenance(file)
    stage, record = known.stage, known.record
    lines = [("stage", f"{stage.name}   {stage.command}"), ("md5", f"{known.md5}   {_state(file, known)}")]
    lines.append(("commit", _describe(known.commit) if known.commit else f"none yet: {LOCK} is not committed"))
    if record:
        started = datetime.fromtimestamp(record.started).strftime("%Y-%m-%d %H:%M")
        edited = ", sources edited" if record.edited else ""
        at = f"at {record.commit[:10]}{edited}" if record.commit else "outside git"
        lines.append(("run", f"{started}, {record.seconds:.0f} s on {record.host}, {at}"))
    else:
        lines.append(("run", "no record on this machine"))
    lines.append(("MLflow", f"run {known.tracked.run_id} in {known.tracked.uri}" if known.tracked else "no run yet"))
    lines += [("parameter", text) for text in _values(stage.params)] or [("parameter", "none")]
    lines += [("input", text) for text in _inputs(known)]
    shown = [f"{name:<11} {text}" for name, text in lines]
    if since:
        changes = causes(stage.name, Revision(since).lock, known.lock)
        shown += ["", f"changed since {since}:", *(f"  {change}" for change in changes)]
        shown += [] if changes else ["  nothing"]
    return "\n".join([known.path, *shown])


def _state(file: Path, known: Provenance) -> str:
    if not file.exists():
        return "not in the working folder: `dvc checkout` brings it"
    if not file.is_file() or str(file) != known.path:
        return ""
    same = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest() == known.md5
    return "as the stage left it" if same else f"but the file was changed since {LOCK} was written"


def _describe(commit: str) -> str:
    return git("show", "--no-patch", "--format=%h %ad %s", "--date=short", commit).decode().strip()


def _values(params: object, key: str = "") -> list[str]:
    if isinstance(params, dict) and params:
        return [text for name, value in params.items() for text in _values(value, f"{key}.{name}".strip("."))]
    return [f"{key} = {text_of(params)}"] if key else []


def _inputs(known: Provenance) -> list[str]:
    return [f"{path}   {md5}{_makers(known.lock, path)}" for path, md5 in known.stage.deps.items()]


def _makers(lock: Lock, path: str) -> str:
    names = [stage.name for stage in makers(lock, path)]
    return f"   made by {', '.join(names)}" if names else ""
