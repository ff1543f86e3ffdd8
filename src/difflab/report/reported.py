"""Reported values next to measured ones, and whether the two can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from difflab.config.data import SourceParams
from difflab.config.diffusion import FidStudyParams, RecipeParams
from difflab.config.load import load_section
from difflab.evaluation.targets import REPORTED_T, ReportedProtocol, Targets
from difflab.history.measurements import Measured, measurements
from difflab.systems.adaptation.scenarios import domains_of

MET, WITHIN, MISSED = "met", "within the interval", "not met"
OTHER, NOT_RUN = "other data", "not run yet"
REPORTED_SIZE = 28  # pixels a side of the reports' digits
Metrics = dict[str, dict[str, Any]]  # contents of the metrics files by stem


@dataclass(frozen=True)
class Row:
    """One reported value. `differs`: what the measured one has different from it; if anything, it is not judged."""

    what: str
    measure: str
    reported: str
    measured: Measured | None
    met: str
    differs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """The values of params.yaml that decide whether a measured value can be compared with a reported one."""

    sources: SourceParams
    digit_size: int
    digit_classifier: str | None
    clip: str | None
    zero_shot_images: str | None
    fid: FidStudyParams
    recipes: dict[str, RecipeParams]

    def of_digits(self, domains: tuple[str, ...]) -> list[str]:
        """The differences in the data of `domains` and in their size."""
        stand_ins = [domain for domain in domains if getattr(self.sources, domain) == "embedded"]
        found = [f"stand-in for {' and '.join(stand_ins)}"] if stand_ins else []
        size = self.digit_size
        return found + ([] if size == REPORTED_SIZE else [f"{size}×{size} pixels, not {REPORTED_SIZE}×{REPORTED_SIZE}"])

    def of_generated_digits(self, domains: tuple[str, ...]) -> list[str]:
        """Those, and the digit classifier: the report's is known for MNIST-M alone."""
        own = "mnistm" in domains and self.digit_classifier is None
        return self.of_digits(domains) + (["classifier trained here, not the course's"] if own else [])

    def of_fid_study(self, targets: Targets) -> list[str]:
        recipe, theirs = self.recipes[self.fid.recipe], targets.protocols["fid_study"].num_generated
        trained, ours = recipe.schedule.num_train_timesteps, self.fid.drawing.num_images
        found = self.of_digits(tuple(recipe.data))
        found += [] if trained == REPORTED_T else [f"T = {trained}, not {REPORTED_T}"]
        return found + ([] if ours == theirs else [f"{ours} images a run, not {theirs:,}"])

    def of_zero_shot(self, targets: Targets, metrics: dict[str, Any]) -> list[str]:
        """`metrics`: of zero_shot, {} before it has run."""
        found = [] if self.zero_shot_images else ["generated images, not photographs"]
        for key, things in (("num_classes", "classes"), ("num_images", "images")):
            theirs = getattr(targets.zero_shot, key)
            if metrics and metrics[key] != theirs:
                found.append(f"{metrics[key]:,} {things}, not {theirs:,}")
        return found + ([] if self.clip else ["CLIP trained here"])


def load_settings() -> Settings:
    """From params.yaml. Raises ParamsError with one line."""
    return Settings(
        load_section(SourceParams, "data.sources"),
        load_section(int, "prepare.digit_size"),
        load_section(str | None, "judge.checkpoint"),
        load_section(str | None, "clip.pretrained"),
        load_section(str | None, "zero_shot.images"),
        load_section(FidStudyParams, "studies.fid"),
        load_section(dict[str, RecipeParams], "recipes"),
    )


def reported_rows(metrics: Metrics, targets: Targets, settings: Settings) -> list[Row]:
    """One row for each value in targets.yaml, except the FIDs, which `fid_table` holds."""
    rows = []
    for recipe, accuracies in targets.accuracy.items():
        parts = {(): accuracies.overall} | {(domain,): part for domain, part in accuracies.by_domain.items()}
        for path, part in parts.items():
            measured = _measured(metrics, recipe, *path, "accuracy")
            differs = settings.of_generated_digits(path or tuple(accuracies.by_domain))
            rows.append(_row(" · ".join((recipe, *path)), "accuracy", part.value, measured, differs))
    rows.append(_best_length(metrics, targets, settings))
    for scenario, methods in targets.adaptation.items():
        differs = settings.of_digits(domains_of(scenario))
        for method, value in methods.items():
            measured = _measured(metrics, "adapt", scenario, method, "target")
            rows.append(_row(f"{scenario} · {method}", "accuracy on the target", value, measured, differs))
    measured = _measured(metrics, "zero_shot", "accuracy")
    differs = settings.of_zero_shot(targets, metrics.get("zero_shot", {}))
    rows += [_row("zero_shot", "accuracy", value, measured, differs) for value in targets.zero_shot.accuracies]
    return rows


def _measured(metrics: Metrics, name: str, *path: str) -> Measured | None:
    return next((found for found in measurements(metrics.get(name, {})) if found.path == path), None)


def _row(what: str, measure: str, reported: float, measured: Measured | None, differs: list[str]) -> Row:
    text = f"{reported:.3f}" if round(reported, 3) == reported else f"{reported:.4f}"  # as the report has it
    if measured is None:
        return Row(what, measure, text, None, NOT_RUN)
    if differs:
        met = OTHER
    elif measured.value >= reported:
        met = MET
    else:
        met = WITHIN if measured.high is not None and measured.high >= reported else MISSED
    return Row(what, measure, text, measured, met, tuple(differs))


def _best_length(metrics: Metrics, targets: Targets, settings: Settings) -> Row:
    """Distances in two extractors' features have no common scale; the length where they are least has one."""
    theirs = min(targets.fid_study, key=lambda length: sum(targets.fid_study[length])) / REPORTED_T
    measure = "length of the sampler's schedule with the least distance, as a share of T"
    if "fid_study" not in metrics:
        return Row("fid_study", measure, f"{theirs:.3f}", None, NOT_RUN)
    lengths, differs = metrics["fid_study"]["lengths"], tuple(settings.of_fid_study(targets))
    ours = min(lengths.values(), key=lambda item: item["mean"])["share_of_trained"]
    met = OTHER if differs else MET if ours == theirs else MISSED
    return Row("fid_study", measure, f"{theirs:.3f}", Measured(("best length",), ours), met, differs)


@dataclass(frozen=True)
class FidRow:
    """One length of the sampler's schedule; `reported` or `measured`, the runs, may be empty."""

    share: float  # of T
    reported_length: int
    reported: tuple[float, ...]
    length: int | None
    measured: tuple[float, ...]


@dataclass(frozen=True)
class FidTable:
    """The reported study next to the measured one; `protocol`: of the measured one, None before it has run."""

    rows: list[FidRow]
    reported_t: int
    reported_protocol: ReportedProtocol
    trained_t: int
    protocol: dict[str, Any] | None


def fid_table(metrics: Metrics, targets: Targets, settings: Settings) -> FidTable:
    """All lengths that were reported or measured, matched by their share of T, the shortest first."""
    study = metrics.get("fid_study", {"lengths": {}, "protocol": None})
    ours = {round(REPORTED_T * item["share_of_trained"]): (int(n), item) for n, item in study["lengths"].items()}
    rows = []
    for reported_length in sorted(targets.fid_study.keys() | ours.keys()):
        length, item = ours.get(reported_length, (None, {"frechet": []}))
        reported = tuple(targets.fid_study.get(reported_length, ()))
        rows.append(FidRow(reported_length / REPORTED_T, reported_length, reported, length, tuple(item["frechet"])))
    trained = settings.recipes[settings.fid.recipe].schedule.num_train_timesteps
    return FidTable(rows, REPORTED_T, targets.protocols["fid_study"], trained, study["protocol"])
