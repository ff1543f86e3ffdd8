"""`difflab verify`: do the claims hold for what ran here, and are its headline measurements those of a retraining?"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from difflab.config.params import load_params
from difflab.errors import UserError, read_json
from difflab.history.claims import Claims, Outcome, load_claims, outcome
from difflab.history.clones import run_in_clone
from difflab.history.dvc_lock import maker
from difflab.history.measurements import Numbers, numbers_by_name
from difflab.history.reference import Reference, experiment, load_reference, prediction_interval, training_seed_keys
from difflab.history.revisions import Revision
from difflab.history.why import made_by
from difflab.pipeline.run_records import read_records

ROOT = Path(".cache/verify")
LARGEST_SHARE_OUTSIDE = 0.1  # of headline measurements; 0.05 are expected


@dataclass(frozen=True)
class JudgedClaim:
    name: str
    here: Outcome
    seeds: list[Outcome]  # of the training seeds for which the reference has its numbers

    @property
    def text(self) -> str:
        return self.here.claim.text

    @property
    def num_held(self) -> int:
        return sum(outcome.state == "holds" for outcome in self.seeds)

    @property
    def support(self) -> str:
        """Such as `3 of 3 seeds`."""
        return f"{self.num_held} of {len(self.seeds)} seeds" if self.seeds else "not in the reference"

    @property
    def values(self) -> str:
        """The left sides of its inequalities here."""
        return ", ".join(f"{value:.3g}" for value in self.here.values)


@dataclass(frozen=True)
class JudgedFile:
    """One metrics file; `outside`: headline measurements outside their interval, as (name, value, interval)."""

    name: str
    state: Literal["judged", "not made here", "other parameters", "no reference"]
    num_judged: int = 0
    outside: tuple[tuple[str, float, tuple[float, float]], ...] = ()


@dataclass(frozen=True)
class Verdict:
    claims: list[JudgedClaim]
    files: list[JudgedFile]
    reference: Reference | None

    @property
    def num_judged(self) -> int:
        return sum(file.num_judged for file in self.files)

    @property
    def num_outside(self) -> int:
        return sum(len(file.outside) for file in self.files)

    @property
    def holds(self) -> bool:
        """No claim fails, at least one is measured, and at most a tenth of the headline measurements lie outside."""
        states = {claim.here.state for claim in self.claims}
        few_outside = self.num_outside <= LARGEST_SHARE_OUTSIDE * self.num_judged
        return "holds" in states and "does not hold" not in states and few_outside


def verdict(made: list[Path]) -> Verdict:
    """Of the metrics files `made`: those of `made_here`."""
    claims, reference = load_claims(), load_reference()
    metrics = {path.stem: numbers_by_name(read_json(path)) for path in made}
    return Verdict(judged_claims(claims, metrics, reference), _files(claims, metrics, reference), reference)


def verify(revision: str | None, strict: bool) -> int:
    """Print the verdict on this folder, or on `revision`, run from nothing in a clone; the exit status.

    It is 1 only if `strict` and the verdict does not hold. Raises UserError when nothing was made here: files that git
    or `dvc pull` brought say nothing about this machine.
    """
    if revision:
        return _verify_in_clone(revision, strict)
    made = made_here()
    if not made:
        raise UserError("metrics/: found none that a run in this folder has made; `make repro` makes them")
    found = verdict(made)
    print(report(found))
    return int(strict and not found.holds)


def _verify_in_clone(revision: str, strict: bool) -> int:
    commit = Revision(revision).commit
    assert commit
    folder = ROOT / commit[:12]
    run_in_clone(folder, commit, [])
    command = [sys.executable, "-m", "difflab", "verify", *(["--strict"] if strict else [])]
    return subprocess.run(command, cwd=folder).returncode


def made_here() -> list[Path]:
    """The metrics files of dvc.lock that a run on record in this folder has left."""
    lock, records = Revision(None).lock, read_records()
    made = (Path(path) for stage in lock.values() for path in stage.metrics if made_by(stage, records))
    return sorted(path for path in made if path.exists())


def judged_claims(claims: Claims, metrics: dict[str, Numbers], reference: Reference | None) -> list[JudgedClaim]:
    """Every claim for `metrics`, by file, and for each seed of the reference."""
    seeds = [reference.of_seed(index) for index in range(len(reference.seeds))] if reference else []
    return [
        JudgedClaim(
            name,
            outcome(claim, metrics),
            [found for seed in seeds if (found := outcome(claim, seed)).state != "not measured"],
        )
        for name, claim in claims.claims.items()
    ]


def _files(claims: Claims, metrics: dict[str, Numbers], reference: Reference | None) -> list[JudgedFile]:
    lock, seed_keys = Revision(None).lock, training_seed_keys(load_params())
    files = []
    for name, headline in claims.headline.items():
        if name not in metrics:
            if maker(lock, f"metrics/{name}.json"):
                files.append(JudgedFile(name, "not made here"))
        elif reference is None or name not in reference.files:
            files.append(JudgedFile(name, "no reference"))
        elif experiment(lock, f"metrics/{name}.json", seed_keys) != reference.files[name].experiment:
            files.append(JudgedFile(name, "other parameters"))
        else:
            files.append(judge_file(name, headline, metrics[name], reference.files[name].numbers))
    return files


def judge_file(name: str, headline: list[str], found: Numbers, reference: dict[str, list[float]]) -> JudgedFile:
    """Each headline measurement against the prediction interval for one more training; one without any is left out."""
    intervals = {measure: prediction_interval(reference, measure) for measure in headline}
    known = {measure: interval for measure, interval in intervals.items() if interval}
    outside = [
        (measure, found[measure], (low, high))
        for measure, (low, high) in known.items()
        if not low <= found[measure] <= high
    ]
    return JudgedFile(name, "judged", len(known), tuple(outside))


def report(verdict: Verdict) -> str:
    """The text of `difflab verify`: it fits one screen."""
    width = max(len(claim.name) for claim in verdict.claims)
    lines = ["Claims (claims.yaml), measured here, and the training seeds of the reference for which each holds:"]
    marks = {"holds": "  holds ", "does not hold": "  NO    ", "not measured": "  –     "}
    lines += [
        f"{marks[claim.here.state]} {claim.name:<{width}}  {claim.values or 'not measured here'}  ({claim.support})"
        for claim in verdict.claims
    ]
    return "\n".join([*lines, "", *_measurements(verdict), "", conclusion(verdict)])


def _measurements(verdict: Verdict) -> list[str]:
    if verdict.reference is None:
        return ["No reference.json: `difflab reference` writes it; headline measurements are not judged."]
    reference = verdict.reference
    inside = verdict.num_judged - verdict.num_outside
    lines = [
        f"Headline measurements in the 95 % prediction interval of {len(reference.seeds)} training seeds "
        f"({reference.commit[:7]}): {inside} of {verdict.num_judged}; "
        f"about {0.05 * verdict.num_judged:.0f} outside are expected."
    ]
    lines += [
        f"  outside: {file.name} {name} {value:.4g}, interval {low:.4g} to {high:.4g}"
        for file in verdict.files
        for name, value, (low, high) in file.outside
    ]
    for state in ("other parameters", "not made here", "no reference"):
        if names := [file.name for file in verdict.files if file.state == state]:
            lines.append(f"  not judged ({state}): {', '.join(names)}")
    return lines


def conclusion(verdict: Verdict) -> str:
    """The last line, such as `20 claims hold, 1 does not, 2 were not measured.`"""
    states = [claim.here.state for claim in verdict.claims]
    counts = {state: states.count(state) for state in ("holds", "does not hold", "not measured")}
    claims = f"{counts['holds']} hold, {counts['does not hold']} do not, {counts['not measured']} were not measured"
    return f"Claims: {claims}. Measurements: {verdict.num_outside} of {verdict.num_judged} outside their interval."
