"""Which results were produced by runs in this folder, according to run records and dvc.lock."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePath
from typing import Any

from difflab.config.load import read_yaml
from difflab.config.validation import section_of
from difflab.history.dvc_lock import Lock, LockedStage, maker, makers
from difflab.history.revisions import Revision, listed
from difflab.history.why import made_by
from difflab.pipeline.fingerprint import FOLDER as CODE
from difflab.pipeline.run_records import RunRecord, read_records
from difflab.setup.inputs import FOLDER as INPUTS


def made_here() -> list[Path]:
    """The metrics files of this pipeline that runs in this folder have produced; see `is_result_of_runs`."""
    lock, records = Revision(None).lock, read_records()
    made = (
        Path(path)
        for stage in _named_by_params(lock)
        for path in stage.metrics
        if is_result_of_runs(stage, lock, records)
    )
    return sorted(path for path in made if path.exists())


def files_left_out(lock: Lock) -> set[str]:
    """The metrics files, by stem, whose stages belong only to recipes or sections that params.yaml does not have."""
    known = {path for stage in _named_by_params(lock) for path in stage.metrics}
    return {Path(path).stem for stage in lock.values() for path in stage.metrics if path not in known}


def _named_by_params(lock: Lock) -> list[LockedStage]:
    """The stages whose sections are in params.yaml; DVC keeps the entries of other stages in dvc.lock."""
    params = read_yaml("params.yaml")
    return [stage for stage in lock.values() if all(_has(params, key) for key in stage.params)]


def _has(params: Any, key: str) -> bool:
    for name in key.split("."):
        if name not in section_of(params):
            return False
        params = params[name]
    return True


def is_result_of_runs(stage: LockedStage, lock: Lock, records: list[RunRecord]) -> bool:
    """Whether the entry in dvc.lock comes from a run here of the stage, or of all stages that produced its inputs.

    DVC and Snakemake skip a stage if its inputs match dvc.lock and its outputs exist, from git or the run cache: a run
    that was interrupted upstream and resumed leaves no record of the stage itself.
    """
    if made_by(stage, records):
        return True
    deps = [dep for dep in stage.deps if PurePath(dep).parts[0] not in (str(CODE), str(INPUTS))]
    upstream = {made.name: made for dep in deps for made in makers(lock, dep)}
    return (
        bool(upstream)
        and all(locked_md5(lock, dep) in (None, stage.deps[dep]) for dep in deps)
        and all(is_result_of_runs(made, lock, records) for made in upstream.values())
    )


def locked_md5(lock: Lock, path: str) -> str | None:
    """The hash of `path` according to the stages that produce it; None if there are none.

    `path` is an out, inside an out, or a folder of several outs: DVC's hash of a folder is that of its list of files.
    """
    if made := maker(lock, path):
        stage, out = made
        return stage.outs[out] if out == path else listed(stage.outs[out]).get(path.removeprefix(f"{out}/"), "")
    files: dict[str, str] = {}
    for made_inside in makers(lock, path):
        for out, md5 in made_inside.outs.items():
            if out.startswith(f"{path}/"):
                place = PurePath(out).relative_to(path)
                inside = listed(md5) if md5.endswith(".dir") else {"": md5}
                files |= {str(place / name): file_md5 for name, file_md5 in inside.items()}
    listing = json.dumps([{"md5": files[name], "relpath": name} for name in sorted(files)])
    return f"{hashlib.md5(listing.encode(), usedforsecurity=False).hexdigest()}.dir" if files else None
