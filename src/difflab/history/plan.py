"""`difflab plan`: the stages that `dvc repro` or `snakemake` would run, why, and how long each took before."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from pydantic import JsonValue

from difflab.config.load import read_yaml
from difflab.errors import reading
from difflab.history.changes import code_change, differing_values
from difflab.history.dag import Stage, read_stages
from difflab.history.dvc_lock import LOCK, LockedStage
from difflab.history.revisions import Revision, cached
from difflab.pipeline.dvc_repo import open_repo
from difflab.pipeline.fingerprint import FOLDER, write_fingerprints
from difflab.pipeline.remaining_time import duration
from difflab.pipeline.run_records import RunRecord, read_records

SHOWN = 3  # reasons shown for each stage
REFERENCE = Path("bench/stage_seconds.csv")  # for the first run in a checkout; written by bench/stage_seconds.py


@dataclass(frozen=True)
class Planned:
    stage: str
    reasons: list[str]
    seconds: float | None  # None: see `expected_seconds`
    after: list[str]  # planned stages upstream


def plan() -> list[Planned]:
    """The stages to run, in order. Stages downstream of a changed one may be skipped if their inputs stay the same.

    Raises UserError if dvc.lock is damaged, and DvcException if DVC fails, for example while another DVC is running.
    """
    write_fingerprints()
    lock = Revision(None).lock if LOCK.exists() else {}
    repo = open_repo()
    status: dict[str, Any] = repo.status()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    stages = read_stages(repo)
    expected = expected_seconds(stages)
    planned: dict[str, Planned] = {}
    changing: set[str] = set()
    for stage in stages:
        name = stage.name
        above = [upstream for upstream in stage.upstream if upstream in changing]
        reasons = list(_reasons(stage, status.get(name, []), lock[name])) if name in lock else ["never run"]
        if reasons or above:
            reasons += [f"{upstream} runs" for upstream in above]
            planned[name] = Planned(name, reasons, expected.get(name), above)
            changing |= set() if stage.persists else {name}
    return list(planned.values())


def seconds_by_command(records: list[RunRecord]) -> dict[str, float]:
    """Seconds by command, from its last complete run with the current parameters; resumed runs are not complete."""

    def same_work(record: RunRecord) -> bool:
        complete = record.status == "finished" and not record.resumed
        return complete and all(_value(key) == value for key, value in record.params.items())

    return {r.command: r.seconds for r in records if r.seconds and same_work(r)}


def expected_seconds(stages: list[Stage]) -> dict[str, float]:
    """Seconds by stage, from its last complete run with the current parameters or else from `REFERENCE`.

    Stages with neither are left out.
    """
    recorded, expected = seconds_by_command(read_records()), dict[str, float]()
    reference: dict[tuple[str, str], float] = {}
    if REFERENCE.exists():
        with reading(REFERENCE, KeyError, TypeError, ValueError), REFERENCE.open(encoding="utf-8", newline="") as file:
            reference = {(row["stage"], row["params"]): float(row["seconds"]) for row in csv.DictReader(file)}
    for stage in stages:
        key = (stage.name, params_digest({key: _value(key) for key in stage.params}))
        seconds = recorded.get(stage.command, reference.get(key))
        if seconds is not None:
            expected[stage.name] = seconds
    return expected


def estimated_seconds(stages: list[Stage]) -> dict[str, float]:
    """As `expected_seconds`; a stage without a time gets the mean of its kind, such as `train` for train@new-recipe."""
    expected, kinds = expected_seconds(stages), dict[str, list[float]]()
    for stage in stages:
        if stage.name in expected:
            kinds.setdefault(stage.kind, []).append(expected[stage.name])
    means = {stage.name: fmean(kinds[stage.kind]) for stage in stages if stage.kind in kinds}
    return means | expected


def params_digest(params: dict[str, Any]) -> str:
    """A hash of the parameters that a stage reads, by their dotted keys."""
    return hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()[:12]


def _reasons(stage: Stage, status: list[Any], locked: LockedStage) -> Iterator[str]:
    """DVC's reasons, with the names of edited modules and the old and new values of parameters."""
    for item in status:
        if isinstance(item, str):
            yield item
            continue
        for kind, paths in item.items():
            for path, state in paths.items():
                if Path(path).parent == FOLDER and state == "modified":
                    yield code_change(cached(locked.deps[path]), Path(path).read_bytes())
                elif path != "params.yaml":
                    yield f"{state} {path}" if kind != "changed outs" else f"its output is {state}: {path}"
    if locked.params and status:
        present = {key: _value(key) for key in stage.params} or read_yaml(Path("params.yaml"))
        yield from differing_values(locked.params, present)


def _value(key: str) -> Any:
    value: JsonValue = read_yaml(Path("params.yaml"))
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def report(planned: list[Planned]) -> str:
    """The text of `difflab plan`."""
    if not planned:
        return "Everything is up to date."
    width = max(len(p.stage) for p in planned)
    lines, finish = list[str](), dict[str, float]()
    for p in planned:
        more = f", and {len(p.reasons) - SHOWN} more" if len(p.reasons) > SHOWN else ""
        seconds = "?" if p.seconds is None else duration(p.seconds)
        lines.append(f"{p.stage:<{width}}  {seconds:>7}  {', '.join(p.reasons[:SHOWN])}{more}")
        finish[p.stage] = (p.seconds or 0.0) + max((finish[name] for name in p.after), default=0.0)
    stages = "1 stage" if len(planned) == 1 else f"{len(planned)} stages"
    total, chain = duration(sum(p.seconds or 0.0 for p in planned)), duration(max(finish.values()))
    unknown = sum(p.seconds is None for p in planned)
    ending = f"; no time on record for {unknown}" if unknown else ""
    return "\n".join([*lines, "", f"{stages}: {total} one after the other, {chain} the longest chain{ending}"])
