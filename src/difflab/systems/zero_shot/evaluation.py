"""Metrics, confusion matrix and examples of zero-shot classification."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import fill
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from difflab.evaluation.intervals import wilson
from difflab.figures.files import DPI, STYLE, Provenance, save_png
from difflab.figures.image_grid import LITERAL, Panel, Scale, plot_image_grid
from difflab.pipeline.files import atomic_write
from difflab.systems.zero_shot.labeled_folder import LabeledFolder

MOST_CONFUSED = 10  # pairs of classes listed in the metrics
CASES = 5  # correct and wrong examples each
SCALE = Scale(cell=160, gap=50, caption=60, dpi=DPI)  # four lines of text below an image
CAPTION_WIDTH = 20  # characters
LABEL_SIZE = 0.11  # inches for the row and column of a class
LABELED = 80  # maximum number of classes with labels; with more, the figure does not grow


def zero_shot_grades(predicted: Tensor, images: LabeledFolder, kinds: Sequence[str]) -> dict[str, Any]:
    """Accuracy with its 95 % interval, chance level, accuracy of each class, and the most frequent confusions.

    `predicted`: (N,) int64. `kinds`: a category for each class of `images`; if there are several, each has its accuracy
    too.
    """
    true, names = np.array(images.classes), images.names
    correct = predicted.numpy() == true
    wrong = Counter(pair for pair in zip(true.tolist(), predicted.tolist(), strict=True) if pair[0] != pair[1])
    return {
        "num_images": len(true),
        "num_classes": len(names),
        "accuracy": asdict(wilson(int(correct.sum()), len(correct))),
        "chance": 1 / len(names),
        **({"accuracy_by_kind": _by_kind(correct, np.array(kinds)[true])} if len(set(kinds)) > 1 else {}),
        "accuracy_by_class": {
            name: float(correct[true == index].mean()) for index, name in enumerate(names) if index in true
        },
        "most_confused": [
            {"true": names[a], "predicted": names[b], "images": count}
            for (a, b), count in wrong.most_common(MOST_CONFUSED)
        ],
    }


def _by_kind(correct: NDArray[np.bool_], kinds: NDArray[np.str_]) -> dict[str, dict[str, float]]:
    by_kind = {str(kind): correct[kinds == kind] for kind in np.unique(kinds)}
    return {kind: asdict(wilson(int(found.sum()), len(found))) for kind, found in by_kind.items()}


def confusion_matrix(predicted: Tensor, images: LabeledFolder) -> NDArray[np.int64]:
    """Confusion matrix (C, C): number of images of each true class (row) with each predicted class (column)."""
    counts = np.zeros((len(images.labels), len(images.labels)), dtype=np.int64)
    np.add.at(counts, (np.array(images.classes), predicted.numpy()), 1)
    return counts


@dataclass(frozen=True)
class Case:
    """An image with its predicted and its true class."""

    kind: Literal["correct", "wrong"]
    file: Path
    predicted: str
    true: str


def example_cases(predicted: Tensor, images: LabeledFolder) -> list[Case]:
    """Up to CASES correct and CASES wrong examples, evenly spaced among all of each."""
    correct, names = predicted.numpy() == np.array(images.classes), images.names
    kinds: dict[Literal["correct", "wrong"], NDArray] = {"correct": correct, "wrong": ~correct}
    return [
        Case(kind, images.files[index], names[predicted[index]], names[images.classes[index]])
        for kind, is_of_kind in kinds.items()
        for index in _evenly_spaced(np.flatnonzero(is_of_kind))
    ]


def _evenly_spaced(indices: NDArray) -> NDArray:
    return indices[np.unique(np.linspace(0, len(indices) - 1, CASES).round().astype(int))] if len(indices) else indices


def save_cases_table(cases: Sequence[Case], path: Path) -> None:
    """Write the examples as CSV: kind, file name, predicted and true class."""
    with atomic_write(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["kind", "file", "predicted", "true"])
        writer.writerows([case.kind, case.file.name, case.predicted, case.true] for case in cases)


def save_cases(cases: Sequence[Case], title: str, path: Path, stage: str) -> None:
    """Write a figure of the examples, correct and wrong ones in separate rows, with predicted and true class below."""
    rows = {case.kind: [other for other in cases if other.kind == case.kind] for case in cases}
    captions = [[_caption(case) for case in row] for row in rows.values()]
    panel = Panel([[case.file for case in row] for row in rows.values()], list(rows), [], captions=captions)
    save_png(plot_image_grid([panel], title, SCALE), path, Provenance.of(stage, [case.file for case in cases]))


def _caption(case: Case) -> str:
    lines = [case.predicted] if case.kind == "correct" else [case.predicted, f"true: {case.true}"]
    return "\n".join(fill(line, CAPTION_WIDTH) for line in lines)


@mpl.rc_context(STYLE)
def save_confusion(counts: NDArray, labels: list[str], title: str, path: Path, stage: str, inputs: list[Path]) -> None:
    """Write the confusion matrix `counts` (C, C) as a PNG, each true class (row) normalized to shares."""
    side = max(3.0, LABEL_SIZE * min(len(labels), LABELED))
    figure = Figure(figsize=(side, side), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    shares = counts / counts.sum(1, keepdims=True).clip(min=1)
    drawn = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues", interpolation="nearest")
    if len(labels) <= LABELED:
        axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=6, **LITERAL)
        axes.set_yticks(range(len(labels)), labels, fontsize=6, **LITERAL)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(title, fontsize=11, weight="bold")
    figure.colorbar(drawn, ax=axes, shrink=0.5, label="share of the class")
    save_png(figure, path, Provenance.of(stage, inputs))
