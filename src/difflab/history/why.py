"""`difflab why FILE`: the stage, parameters, inputs, commit and run behind an output.

Looks up the hash of the file in dvc.lock, in the git history of dvc.lock, and in the run records.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from difflab.errors import UserError
from difflab.history.changes import causes, flat, text_of
from difflab.history.dvc_lock import LOCK, Lock, LockedStage, maker, makers, md5_of
from difflab.history.revisions import Revision, committed, git
from difflab.pipeline.run_records import RunRecord, read_records


@dataclass(frozen=True)
class Provenance:
    """The origin of one output of the pipeline: `path` in the repository, `md5` from dvc.lock."""

    path: str
    md5: str
    stage: LockedStage
    lock: Lock
    commit: str | None  # the first commit whose dvc.lock has this hash; None: not committed yet
    record: RunRecord | None  # of the run that produced it, if it ran on this machine


def provenance(file: Path) -> Provenance:
    """The origin of `file`. Raises UserError if it is neither an output of a stage nor a copy of one."""
    lock = Revision(None).lock
    resolved = file.resolve()
    path = str(resolved.relative_to(Path.cwd())) if resolved.is_relative_to(Path.cwd()) else str(file)
    made = maker(lock, path) or _by_content(lock, file)
    if made is None:
        raise UserError(f"{file}: found no stage in {LOCK} that makes it, allowed: an output of one, or a copy of it")
    stage, out = made
    md5 = stage.outs[out]
    return Provenance(out, md5, stage, lock, _first_commit(md5), made_by(stage, read_records()))


def made_by(stage: LockedStage, records: list[RunRecord]) -> RunRecord | None:
    """The record of the run behind an entry of dvc.lock: the last finished one with its command and parameters."""
    same = (r for r in records if r.command == stage.command and r.params == stage.params and r.status == "finished")
    return max(same, key=lambda record: record.started, default=None)


def explain(file: Path, since: str | None, mlflow_run: Callable[[RunRecord], object]) -> str:
    """The text of `difflab why`: the provenance of `file`, and the changes since a revision.

    `mlflow_run` returns the MLflow run of a record, or None.
    """
    known = provenance(file)
    stage, record = known.stage, known.record
    lines = [
        ("stage", f"{stage.name}   {stage.command}"),
        ("md5", f"{known.md5}   {_state(file, known)}"),
        ("commit", _describe(known.commit) if known.commit else f"none yet: {LOCK} is not committed"),
        ("run", _run(record) if record else "no record on this machine"),
        ("MLflow", str((mlflow_run(record) if record else None) or "no run yet")),
    ]
    values = [f"{key} = {text_of(value)}" for key, value in flat(stage.params).items()]
    lines += [("parameter", text) for text in values or ["none"]]
    for path, md5 in stage.deps.items():
        names = ", ".join(made.name for made in makers(known.lock, path))
        lines.append(("input", f"{path}   {md5}" + (f"   made by {names}" if names else "")))
    shown = [known.path, *(f"{name:<11} {text}" for name, text in lines)]
    if since:
        changes = causes(stage.name, Revision(since).lock, known.lock)
        shown += ["", f"changed since {since}:", *(f"  {change}" for change in changes or ["nothing"])]
    return "\n".join(shown)


def _by_content(lock: Lock, file: Path) -> tuple[LockedStage, str] | None:
    md5 = md5_of(file.read_bytes()) if file.is_file() else None
    return next(((stage, out) for stage in lock.values() for out, known in stage.outs.items() if known == md5), None)


def _first_commit(md5: str) -> str | None:
    """The oldest commit of dvc.lock, going back from HEAD, that still has `md5`."""
    try:
        commits = git("log", "--format=%H", "--", str(LOCK)).decode().split()
    except UserError:
        return None  # outside git, or before its first commit
    first = None
    for commit in commits:
        if md5.encode() not in (committed(commit, LOCK) or b""):
            break
        first = commit
    return first


def _state(file: Path, known: Provenance) -> str:
    if not file.exists():
        return "not in the working folder; `dvc checkout` restores it"
    if not file.is_file() or str(file) != known.path:
        return ""
    same = md5_of(file.read_bytes()) == known.md5
    return "as the stage left it" if same else f"but the file was changed since {LOCK} was written"


def _describe(commit: str) -> str:
    return git("show", "--no-patch", "--format=%h %ad %s", "--date=short", commit).decode().strip()


def _run(record: RunRecord) -> str:
    started = datetime.fromtimestamp(record.started).strftime("%Y-%m-%d %H:%M")
    edited = ", sources edited" if record.edited else ""
    at = f"at {record.commit[:10]}{edited}" if record.commit else "outside git"
    return f"{started}, {record.seconds:.0f} s on {record.host}, {at}"
