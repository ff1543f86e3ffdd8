"""`difflab verify`: whether the claims hold for this run, and its headline measurements agree with the reference."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from difflab.config.params import load_params
from difflab.errors import UserError
from difflab.history.claims import Claims, Outcome, State, load_claims, outcome
from difflab.history.clones import run_in_clone
from difflab.history.dvc_lock import Lock, maker
from difflab.history.made_here import files_left_out, made_here
from difflab.history.measurements import Numbers, read_metrics
from difflab.history.reference import (
    Reference,
    experiment,
    load_reference,
    prediction_interval,
    rests_on_one_model,
    training_seed_keys,
)
from difflab.history.revisions import Revision, resolve

ROOT = Path(".cache/verify")
LARGEST_SHARE_OUTSIDE = 0.1  # of headline measurements; 0.05 are expected
MARKS: dict[State, str] = {"holds": "holds", "does not hold": "NO"}


@dataclass(frozen=True)
class JudgedClaim:
    name: str
    here: Outcome
    seeds: list[Outcome]  # one for each training seed of the reference with these numbers
    one_model: bool  # the model is pretrained, so all seeds have the same numbers
    left_out: bool  # params.yaml lacks its recipe or section

    @property
    def state(self) -> State:
        return "not part of this run" if self.left_out else self.here.state

    @property
    def support(self) -> str:
        """The seeds for which it holds, such as `3 of 3 seeds`."""
        if not self.seeds:
            return "not in the reference"
        held = sum(outcome.state == "holds" for outcome in self.seeds)
        if self.one_model:
            return "one model" if held else "no: one model"
        return f"{held} of {len(self.seeds)} seeds"

    @property
    def values(self) -> str:
        """The left sides of its inequalities in this run, or the reason why there are none."""
        return ", ".join(f"{value:.3g}" for value in self.here.values) or self.state


@dataclass(frozen=True)
class JudgedMeasurement:
    """A headline measurement `FILE:PATH` and its 95 % prediction interval for one more training."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Verdict:
    claims: list[JudgedClaim]
    measurements: list[JudgedMeasurement]
    skipped: dict[str, list[str]]  # metrics files whose headline measurements are not compared, by reason
    reference: Reference | None

    @property
    def outside(self) -> list[JudgedMeasurement]:
        return [m for m in self.measurements if not m.low <= m.value <= m.high]

    @property
    def holds(self) -> bool:
        """Whether no claim fails, at least one is measured, and at most a tenth of the measurements are outside."""
        states = {claim.state for claim in self.claims}
        few_outside = len(self.outside) <= LARGEST_SHARE_OUTSIDE * len(self.measurements)
        return "holds" in states and "does not hold" not in states and few_outside

    def __str__(self) -> str:
        width = max(len(claim.name) for claim in self.claims)
        lines = ["Claims (claims.yaml), their values in this run, and the training seeds for which each holds:"]
        for claim in self.claims:
            mark = MARKS.get(claim.state, "–")
            lines.append(f"  {mark:<6} {claim.name:<{width}}  {claim.values}  ({claim.support})")
        states = Counter(claim.state for claim in self.claims)
        judged, outside = len(self.measurements), self.outside
        if self.reference is None:
            lines += ["", "No reference.json: headline measurements are not compared; `difflab reference` writes it."]
        else:
            commits = ", ".join(commit[:7] for commit in self.reference.commits)
            seeds = f"{len(self.reference.seeds)} training seeds ({commits})"
            counts = f"{judged - len(outside)} of {judged}; about {0.05 * judged:.0f} outside are expected"
            lines += ["", f"Headline measurements in the 95 % prediction interval of {seeds}: {counts}."]
        lines += [f"  outside: {m.name} {m.value:.4g}, interval {m.low:.4g} to {m.high:.4g}" for m in outside]
        lines += [f"  not compared ({reason}): {', '.join(files)}" for reason, files in self.skipped.items()]
        claims = f"{states['holds']} hold, {states['does not hold']} do not, {states['not measured']} were not measured"
        claims += f", {left_out} are not part of this run" if (left_out := states["not part of this run"]) else ""
        conclusion = f"Claims: {claims}. Measurements: {len(outside)} of {judged} outside their interval."
        if files := self.skipped.get("other parameters"):
            conclusion += (
                f"\nThe parameters of {len(files)} files differ from those of the reference, for which the claims"
                " were written (`difflab profile cpu`)."
            )
        return "\n".join([*lines, "", conclusion])


def verify(revision: str | None, strict: bool) -> int:
    """Print the verdict for this folder, or for `revision` run from scratch in a clone; returns the exit status.

    It is 1 only if `strict` is set and the verdict does not hold. Raises UserError if no metrics were produced here:
    files from git or `dvc pull` say nothing about this machine.
    """
    if revision:
        commit = resolve(revision)
        folder = ROOT / commit[:12]
        run_in_clone(folder, commit, [])
        command = [sys.executable, "-m", "difflab", "verify", *(["--strict"] if strict else [])]
        return subprocess.run(command, cwd=folder).returncode
    made = made_here()
    if not made:
        raise UserError("metrics/: found none produced by a run in this folder; `make repro` produces them")
    found = verdict(made)
    print(found)
    return int(strict and not found.holds)


def verdict(made: list[Path]) -> Verdict:
    """The verdict for the metrics files `made`, from `made_here`."""
    claims, reference = load_claims(), load_reference()
    metrics = {path.stem: read_metrics(path).numbers for path in made}
    lock, seed_keys = Revision(None).lock, training_seed_keys(load_params())
    gone = files_left_out(lock)
    measurements, skipped = list[JudgedMeasurement](), dict[str, list[str]]()
    for name, headline in claims.headline.items():
        known = reference.files.get(name) if reference else None
        if name in gone:
            skipped.setdefault("not part of this run", []).append(name)
        elif name not in metrics:
            if maker(lock, f"metrics/{name}.json"):
                skipped.setdefault("not produced here", []).append(name)
        elif known is None:
            skipped.setdefault("no reference", []).append(name)
        elif experiment(lock, f"metrics/{name}.json", seed_keys) != known.experiment:
            skipped.setdefault("other parameters", []).append(name)
        else:
            measurements += judged_measurements(name, headline, metrics[name], known.numbers)
    judged = judged_claims(claims, metrics, reference, files_of_one_model(claims, lock, seed_keys), gone)
    return Verdict(judged, measurements, skipped, reference)


def files_of_one_model(claims: Claims, lock: Lock, seed_keys: list[str]) -> set[str]:
    """The metrics files, by stem, that do not depend on a training seed."""
    return {file for file in claims.files if rests_on_one_model(lock, f"metrics/{file}.json", seed_keys)}


def judged_claims(
    claims: Claims, metrics: dict[str, Numbers], reference: Reference | None, one_model: set[str], gone: set[str]
) -> list[JudgedClaim]:
    """Evaluate every claim for `metrics`, by file, and for each seed of the reference.

    `one_model`: see files_of_one_model; `gone`: the metrics files that are not part of this run.
    """
    runs = [reference.of_seed(index) for index in range(len(reference.seeds))] if reference else []
    judged: list[JudgedClaim] = []
    for name, claim in claims.claims.items():
        seeds = [found for run in runs if (found := outcome(claim, run)).state != "not measured"]
        given = all(file in one_model for file, _ in claim.numbers)
        without = any(file in gone for file, _ in claim.numbers)
        judged.append(JudgedClaim(name, outcome(claim, metrics), seeds, given, without))
    return judged


def judged_measurements(
    file: str, headline: list[str], found: Numbers, reference: dict[str, list[float]]
) -> list[JudgedMeasurement]:
    """The headline measurements of one metrics file; those without a prediction interval are left out."""
    intervals = {path: prediction_interval(reference, path) for path in headline}
    return [JudgedMeasurement(f"{file}:{path}", found[path], *ends) for path, ends in intervals.items() if ends]
