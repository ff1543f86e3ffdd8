"""Does it reproduce here? Every committed metric against the value that this machine has made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from difflab.changes import Change, causes
from difflab.errors import UserError
from difflab.revisions import Revision, git

ROOT = Path(".cache/verify")


@dataclass(frozen=True)
class Judged:
    """One metric. `holds` is None where it differs and no interval says how far is too far."""

    metric: str  # dotted name in its file
    committed: Any
    measured: Any  # None when it is not there
    interval: tuple[float, float] | None
    holds: bool | None


@dataclass(frozen=True)
class FileVerdict:
    """All metrics of one file, or the `changes` on purpose for which it is another experiment and not judged."""

    path: str
    judged: list[Judged]
    changes: list[Change]

    @property
    def broken(self) -> list[Judged]:
        return [judged for judged in self.judged if judged.holds is False]


def verdict(committed: Revision, here: Revision) -> list[FileVerdict]:
    """One verdict for each metrics file of dvc.lock in `committed`. Raises UserError when there is none."""
    verdicts = []
    for stage in committed.lock.values():
        for path in stage.metrics:
            changes = [c for c in causes(stage.name, committed.lock, here.lock) if c.kind != "bytes"]
            judged = [] if changes else judge(_json(committed.read(path)), _json(here.read(path)))
            verdicts.append(FileVerdict(path, judged, changes))
    if not verdicts:
        raise UserError(f"metrics/: found none in dvc.lock of {committed}, allowed: a commit with metrics")
    return sorted(verdicts, key=lambda verdict: verdict.path)


def _json(content: bytes | None) -> dict[str, Any]:
    return json.loads(content) if content else {}


def judge(committed: dict[str, Any], measured: dict[str, Any]) -> list[Judged]:
    """A value with an interval holds inside it; counts and words hold when equal; hashes of trained networks need not.

    What a report has measured elsewhere (`reported`) is not judged.
    """
    return list(_judged(committed, measured, ""))


def _judged(committed: Any, measured: Any, name: str) -> Iterator[Judged]:
    last = name.rpartition(".")[2]
    if last == "reported" or last.endswith("_sha256"):
        return
    if isinstance(committed, dict) and "low" in committed:
        value = measured.get("value") if isinstance(measured, dict) else None
        interval = committed["low"], committed["high"]
        holds = value is not None and interval[0] <= value <= interval[1]
        yield Judged(name, committed["value"], value, interval, holds)
    if isinstance(committed, dict):
        for key in committed.keys() - ({"value", "low", "high"} if "low" in committed else set()):
            inside = measured.get(key) if isinstance(measured, dict) else None
            yield from _judged(committed[key], inside, f"{name}.{key}".strip("."))
    elif isinstance(committed, list):
        for number, value in enumerate(committed):
            inside = measured[number] if isinstance(measured, list) and number < len(measured) else None
            yield from _judged(value, inside, f"{name}.{number}")
    else:
        without_interval = isinstance(committed, float) and isinstance(measured, float) and committed != measured
        yield Judged(name, committed, measured, None, None if without_interval else committed == measured)


def report(verdicts: list[FileVerdict], committed: str) -> str:
    """The text of `difflab verify`: a line for each file, then what does not hold."""
    lines = [f"This machine's metrics against those of {committed}:"]
    for verdict in verdicts:
        if verdict.changes:
            first, *others = verdict.changes
            more = f" and {len(others)} more changes" if others else ""
            lines.append(f"  –    {verdict.path}  another experiment: {first}{more}")
            continue
        inside = sum(judged.holds is True for judged in verdict.judged)
        unjudged = [judged for judged in verdict.judged if judged.holds is None]
        furthest = max((abs(j.measured / j.committed - 1) for j in unjudged if j.committed), default=0.0)
        note = (
            f", {len(unjudged)} without an interval differ by up to {furthest:.2g} of their value" if unjudged else ""
        )
        lines.append(f"  {'no ' if verdict.broken else 'yes'}  {verdict.path}  {inside} hold{note}")
        lines += [f"         {judged.metric}: {_words(judged)}" for judged in verdict.broken]
    return "\n".join([*lines, _conclusion(verdicts)])


def _conclusion(verdicts: list[FileVerdict]) -> str:
    if broken := sum(len(verdict.broken) for verdict in verdicts):
        return f"{broken} metrics do not hold."
    judged = [verdict for verdict in verdicts if not verdict.changes]
    return f"All hold: {len(judged)} of {len(verdicts)} files." if judged else "None is of the same experiment."


def holds(verdicts: list[FileVerdict]) -> bool:
    """Whether all that was judged holds, and anything was."""
    return any(not verdict.changes for verdict in verdicts) and not any(verdict.broken for verdict in verdicts)


def _words(judged: Judged) -> str:
    allowed = "equal" if judged.interval is None else "{:.4g} to {:.4g}".format(*judged.interval)
    measured = "nothing" if judged.measured is None else judged.measured
    return f"committed {judged.committed}, here {measured}, allowed: {allowed}"


def verify(revision: str | None) -> bool:
    """Print the verdict; whether all holds.

    Without `revision` the working folder is held against HEAD. With one, that revision is made anew first and held
    against itself: in a clone with an empty DVC cache in `.cache/verify/`, where a killed run goes on.
    """
    if revision is None:
        verdicts = verdict(Revision("HEAD"), Revision(None))
        print(report(verdicts, _describe("HEAD")))
        return holds(verdicts)
    clone = _made_anew(Revision(revision))
    return subprocess.run([sys.executable, "-m", "difflab", "verify"], cwd=clone).returncode == 0


def _describe(revision: str) -> str:
    return git("show", "--no-patch", "--format=%h %s", revision).decode().strip()


def _made_anew(revision: Revision) -> Path:
    assert revision.commit
    clone = ROOT / revision.commit[:12]
    if not clone.exists():
        git("clone", "--quiet", "--no-checkout", ".", str(clone))
        subprocess.run(["git", "checkout", "--quiet", revision.commit], cwd=clone, check=True)
    environment = os.environ | {"PYTHONPATH": str(clone.resolve() / "src")}
    print(f"making {revision} in {clone}", file=sys.stderr, flush=True)
    if subprocess.run(["snakemake", "--cores", "all"], cwd=clone, env=environment).returncode:
        raise UserError(f"verify: {revision} was not made; the same command goes on in {clone}")
    return clone
