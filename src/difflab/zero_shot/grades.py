"""How often the class was right, and which were taken for which."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from difflab.evaluation.intervals import wilson
from difflab.pipeline.files import atomic_write
from difflab.systems.zero_shot.labeled_folder import LabeledFolder

MOST_CONFUSED = 10  # pairs of classes that the metrics name
CASES = 5  # of either kind that the table and the figure show


def zero_shot_grades(predicted: Tensor, images: LabeledFolder, kinds: Sequence[str]) -> dict[str, Any]:
    """Accuracy with its interval, chance, accuracy of each class, and the most frequent confusions.

    `kinds`: of each class of `images`; where there are several, each has its accuracy too.
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
    """(C, C): how many images of each class (row) were taken for each (column)."""
    counts = np.zeros((len(images.labels), len(images.labels)), dtype=np.int64)
    np.add.at(counts, (np.array(images.classes), predicted.numpy()), 1)
    return counts


@dataclass(frozen=True)
class Case:
    """An image, what it was taken for and what it is."""

    kind: Literal["correct", "wrong"]
    file: Path
    predicted: str
    true: str


def example_cases(predicted: Tensor, images: LabeledFolder) -> list[Case]:
    """Five correct and five wrong ones, or all where there are fewer, evenly spaced among all of their kind."""
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
    """As CSV: kind, name of the file, predicted and true class."""
    with atomic_write(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["kind", "file", "predicted", "true"])
        writer.writerows([case.kind, case.file.name, case.predicted, case.true] for case in cases)
