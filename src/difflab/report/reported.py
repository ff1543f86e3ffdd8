"""Reported values next to measured ones, and whether the two can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from difflab.config.data import SetParams
from difflab.config.diffusion import RecipeParams
from difflab.config.params import load_params
from difflab.config.studies import FidStudyParams
from difflab.evaluation.targets import REPORTED_T, Targets
from difflab.history.measurements import Measurement, metrics_of
from difflab.systems.adaptation.scenarios import domains_of

MET, WITHIN, MISSED = "met", "within the interval", "not met"
OTHER, NOT_RUN, LEFT_OUT = "other data", "not run yet", "not part of this run"
OWN_CLIPS = (None, "pretrained/clip")  # values of clip.pretrained other than the reports' CLIP
REPORTED_SIZE = 28  # pixels per side of the reports' digits
Trees = dict[str, dict[str, Any]]  # the JSON objects of the metrics files by stem


@dataclass(frozen=True)
class Row:
    """One reported value. `differs`: how the setting of the measured value differs; if so, they are not compared."""

    what: str
    measure: str
    reported: str
    measured: Measurement | None
    met: str
    differs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """The values of params.yaml that decide whether a measured value can be compared with a reported one."""

    sets: dict[str, SetParams]
    digit_size: int
    digit_classifier: str | None
    clip: str | None
    zero_shot_images: str | None
    fid: FidStudyParams
    recipes: dict[str, RecipeParams]

    @property
    def trained_t(self) -> int | None:
        """Time steps of the recipe in the FID study; None if there is none."""
        return next((self.recipes[name].schedule.num_train_timesteps for name in self.fid.recipes), None)

    def of_digits(self, domains: tuple[str, ...]) -> list[str]:
        """Differences in the data of `domains` and in the image size."""
        stand_ins = [
            domain for domain in domains if domain not in self.sets or self.sets[domain].source.startswith("embedded/")
        ]
        size = f"{self.digit_size}×{self.digit_size} pixels, not {REPORTED_SIZE}×{REPORTED_SIZE}"
        differ = self.digit_size != REPORTED_SIZE
        return _those([(f"stand-in for {' and '.join(stand_ins)}", stand_ins), (size, differ)])

    def of_generated_digits(self, domains: tuple[str, ...]) -> list[str]:
        """As `of_digits`, and the digit classifier: that of the report is known only for MNIST-M."""
        own = "mnistm" in domains and self.digit_classifier is None
        return self.of_digits(domains) + _those([("classifier trained here, not the course's", own)])

    def of_fid_study(self, targets: Targets) -> list[str]:
        theirs, ours = targets.protocols["fid_study"].num_generated, self.fid.drawing.num_images
        domains = tuple(domain for name in self.fid.recipes for domain in self.recipes[name].data)
        return self.of_digits(domains) + _those(
            [
                (f"T = {self.trained_t}, not {REPORTED_T}", self.trained_t != REPORTED_T),
                (f"{ours} images a run, not {theirs:,}", ours != theirs),
            ]
        )

    def of_zero_shot(self, targets: Targets, metrics: dict[str, Any]) -> list[str]:
        """Differences for zero-shot. `metrics`: those of the stage zero_shot, {} before it has run."""
        found = _those([("generated images, not photographs", self.zero_shot_images is None)])
        for key, things in (("num_classes", "classes"), ("num_images", "images")):
            theirs = getattr(targets.zero_shot, key)
            if metrics and metrics[key] != theirs:
                found.append(f"{metrics[key]:,} {things}, not {theirs:,}")
        return found + _those([("CLIP trained here", self.clip in OWN_CLIPS)])


def _those(differences: list[tuple[str, Any]]) -> list[str]:
    return [text for text, applies in differences if applies]


def load_settings() -> Settings:
    """Read the settings from params.yaml. Raises ParamsError with one line."""
    params = load_params()
    return Settings(
        params.data.sets,
        params.prepare.digit_size,
        params.judge.checkpoint,
        params.clip and params.clip.pretrained,
        params.zero_shot and params.zero_shot.images,
        params.studies.fid,
        params.recipes,
    )


def reported_rows(metrics: Trees, targets: Targets, settings: Settings, measurable: set[str]) -> list[Row]:
    """One row for each value in targets.yaml, except the FIDs (see `fid_rows`).

    `measurable`: the metrics files of the pipeline, by stem.
    """
    not_run = dict.fromkeys(measurable - metrics.keys(), NOT_RUN)
    rows = []
    for recipe, accuracies in targets.accuracy.items():
        parts = {(): accuracies.overall} | {(domain,): part for domain, part in accuracies.by_domain.items()}
        for path, part in parts.items():
            differs = settings.of_generated_digits(path or tuple(accuracies.by_domain))
            measured = _measured(metrics, recipe, *path, "accuracy")
            what = " · ".join((recipe, *path))
            rows.append(_row(what, "accuracy", part.value, measured, differs, not_run.get(recipe)))
    rows.append(_best_length(metrics, targets, settings, not_run.get("fid_study")))
    for scenario, methods in targets.adaptation.items():
        differs = settings.of_digits(domains_of(scenario))
        for method, value in methods.items():
            measured = _measured(metrics, "adapt", scenario, method, "target")
            what = f"{scenario} · {method}"
            rows.append(_row(what, "accuracy on the target", value, measured, differs, not_run.get("adapt")))
    measured = _measured(metrics, "zero_shot", "accuracy")
    differs = settings.of_zero_shot(targets, metrics.get("zero_shot", {}))
    for number, value in enumerate(targets.zero_shot.accuracies, 1):
        rows.append(_row("zero_shot", f"accuracy, report {number}", value, measured, differs, not_run.get("zero_shot")))
    return rows


def _measured(metrics: Trees, name: str, *path: str) -> Measurement | None:
    return metrics_of(metrics.get(name, {})).get(*path)


def _row(
    what: str, measure: str, reported: float, measured: Measurement | None, differs: list[str], not_run: str | None
) -> Row:
    text = f"{reported:.3f}" if round(reported, 3) == reported else f"{reported:.4f}"  # with the digits of the report
    if measured is None:
        return Row(what, measure, text, None, not_run or LEFT_OUT)
    if differs:
        met = OTHER
    elif measured.value >= reported:
        met = MET
    else:
        met = WITHIN if measured.high is not None and measured.high >= reported else MISSED
    return Row(what, measure, text, measured, met, tuple(differs))


def _best_length(metrics: Trees, targets: Targets, settings: Settings, not_run: str | None) -> Row:
    """A row that compares the best lengths, as the distances of two feature extractors have different scales."""
    theirs = min(targets.fid_study, key=lambda length: sum(targets.fid_study[length])) / REPORTED_T
    measure = "length of the sampler's schedule with the least distance, as a share of T"
    ours = metrics_of(metrics.get("fid_study", {})).get("best_share_of_trained")
    if ours is None:
        return Row("fid_study", measure, f"{theirs:.3f}", None, not_run or LEFT_OUT)
    differs = tuple(settings.of_fid_study(targets))
    met = OTHER if differs else MET if ours.value == theirs else MISSED
    return Row("fid_study", measure, f"{theirs:.3f}", ours, met, differs)


@dataclass(frozen=True)
class FidRow:
    """One length of the sampling schedule; `reported` and `measured` are the FIDs of the runs, one may be empty."""

    share: float  # of T
    reported_length: int
    reported: list[float]
    length: int | None
    measured: list[float]


def fid_rows(metrics: Trees, targets: Targets) -> list[FidRow]:
    """All reported or measured lengths, matched by their share of T, shortest first."""
    lengths = metrics.get("fid_study", {}).get("lengths", {})
    ours = {round(REPORTED_T * item["share_of_trained"]): (int(n), item["frechet"]) for n, item in lengths.items()}
    return [
        FidRow(length / REPORTED_T, length, targets.fid_study.get(length, []), *ours.get(length, (None, [])))
        for length in sorted(targets.fid_study.keys() | ours.keys())
    ]
