"""How often the class was right, and which were taken for which."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from difflab.evaluation.intervals import wilson
from difflab.zero_shot.folder import LabelledFolder

MOST_CONFUSED = 10  # pairs of classes that the metrics name
CASES = 5  # of either kind that the table and the figure show


def zero_shot_grades(predicted: Tensor, images: LabelledFolder) -> dict[str, Any]:
    """Accuracy with its interval, chance, accuracy of each class, and the most frequent confusions."""
    true, labels = np.array(images.classes), images.labels
    correct = predicted.numpy() == true
    wrong = Counter(zip(true[~correct].tolist(), predicted.numpy()[~correct].tolist(), strict=True))
    return {
        "num_images": len(true),
        "num_classes": len(labels),
        "accuracy": asdict(wilson(int(correct.sum()), len(correct))),
        "chance": 1 / len(labels),
        "accuracy_by_class": {
            label: float(correct[true == index].mean()) for index, label in enumerate(labels) if index in true
        },
        "most_confused": [
            {"true": labels[a], "predicted": labels[b], "images": count}
            for (a, b), count in wrong.most_common(MOST_CONFUSED)
        ],
    }


def confusion_matrix(predicted: Tensor, images: LabelledFolder) -> NDArray[np.int64]:
    """(C, C): how many images of each class (row) were taken for each (column)."""
    counts = np.zeros((len(images.labels), len(images.labels)), dtype=np.int64)
    np.add.at(counts, (images.classes, predicted.numpy()), 1)
    return counts


def example_cases(predicted: Tensor, images: LabelledFolder) -> pd.DataFrame:
    """File, predicted and true class of five correct and five wrong images, evenly spaced among all of their kind."""
    table = pd.DataFrame(
        {
            "file": images.files,
            "predicted": [images.labels[index] for index in predicted.tolist()],
            "true": [images.labels[index] for index in images.classes],
        }
    )
    correct = table.predicted == table.true
    return pd.concat([_evenly_spaced(table[correct]), _evenly_spaced(table[~correct])], keys=["correct", "wrong"])


def _evenly_spaced(table: pd.DataFrame) -> pd.DataFrame:
    return table.iloc[np.unique(np.linspace(0, len(table) - 1, CASES).round().astype(int))] if len(table) else table
