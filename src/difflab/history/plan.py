"""What `dvc repro` or `snakemake` would run, why, and how long that took before: `difflab plan`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo

from difflab.config.load import read_yaml
from difflab.history.changes import code_change, differing_values
from difflab.history.dvc_lock import LOCK, LockedStage
from difflab.history.revisions import Revision, cached
from difflab.pipeline.fingerprint import FOLDER, write_fingerprints
from difflab.pipeline.run_records import RunRecord, read_records


@dataclass(frozen=True)
class Planned:
    stage: str
    reasons: list[str]
    seconds: float | None  # None: no complete run of it with these parameters is on record here
    after: list[str]  # planned stages that it waits for


def plan() -> list[Planned]:
    """The stages to run, in an order that works. A stage below a changed one may turn out to have the same inputs.

    Raises UserError where dvc.lock is damaged, and DvcException where DVC fails, as while it is at work.
    """
    write_fingerprints()
    lock = Revision(None).lock if LOCK.exists() else {}
    repo = Repo()
    status: dict[str, Any] = repo.status()
    known = seconds_by_command(read_records())
    planned: dict[str, Planned] = {}
    for stage in nx.dfs_postorder_nodes(repo.index.graph):  # an edge goes from a stage to what it needs
        name = stage.addressing
        above = [s.addressing for s in repo.index.graph.successors(stage) if _passes_on(s) and s.addressing in planned]
        reasons = list(_reasons(stage, status.get(name, []), lock[name])) if name in lock else ["never run"]
        if reasons or above:
            seconds = known.get(str(stage.cmd))
            planned[name] = Planned(name, [*reasons, *(f"{upstream} runs" for upstream in above)], seconds, above)
    return list(planned.values())


def seconds_by_command(records: list[RunRecord]) -> dict[str, float]:
    """How long the last complete run of each stage took with the parameters of params.yaml.

    A run that was resumed did only the rest of the work. With other parameters, as those of another profile, a stage
    takes another time.
    """

    def same_work(record: RunRecord) -> bool:
        complete = record.status == "finished" and not record.resumed
        return complete and all(_value(key) == value for key, value in record.params.items())

    return {r.command: r.seconds for r in records if r.seconds and same_work(r)}


def _passes_on(stage: Any) -> bool:
    """A stage whose outs are all `persist: true`, as check_params, never changes what it leaves."""
    return not all(out.persist for out in stage.outs)


def _reasons(stage: Any, status: list[Any], locked: LockedStage) -> Iterator[str]:
    """DVC's words, with the names of edited modules and the parameters' old and new values."""
    for item in status:
        if isinstance(item, str):
            yield item
            continue
        for kind, paths in item.items():
            for path, what in paths.items():
                if Path(path).parent == FOLDER and what == "modified":
                    yield code_change(cached(locked.deps[path]), Path(path).read_bytes())
                elif path != "params.yaml":
                    yield f"{what} {path}" if kind != "changed outs" else f"its output is {what}: {path}"
    keys = [key for dep in stage.deps if isinstance(dep, ParamsDependency) for key in dep.params]
    if locked.params and status:
        yield from differing_values(locked.params, {key: _value(key) for key in keys} if keys else _all_params())


def _all_params() -> dict[str, Any]:
    return read_yaml(Path("params.yaml"))


def _value(key: str) -> Any:
    value = _all_params()
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def report(planned: list[Planned]) -> str:
    """The text of `difflab plan`."""
    if not planned:
        return "Everything is up to date."
    width = max(len(p.stage) for p in planned)
    lines = [f"{p.stage:<{width}}  {_duration(p.seconds):>7}  {_short(p.reasons)}" for p in planned]
    unknown = sum(p.seconds is None for p in planned)
    finish: dict[str, float] = {}
    for p in planned:
        finish[p.stage] = (p.seconds or 0.0) + max((finish[name] for name in p.after), default=0.0)
    total = sum(p.seconds or 0.0 for p in planned)
    chain = max(finish.values())
    stages = "1 stage" if len(planned) == 1 else f"{len(planned)} stages"
    ending = f"{stages}: {_duration(total)} one after the other, {_duration(chain)} the longest chain"
    return "\n".join([*lines, "", ending + (f"; no time on record for {unknown}" if unknown else "")])


def _short(reasons: list[str], limit: int = 3) -> str:
    more = f", and {len(reasons) - limit} more" if len(reasons) > limit else ""
    return ", ".join(reasons[:limit]) + more


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
