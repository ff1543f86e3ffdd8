"""Checks for every data set with classes: 2 to MAX_CLASSES classes, each with images in every split."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from difflab.data.classes import MAX_CLASSES
from difflab.data.dataset import SPLITS
from difflab.errors import DataError


def require_classes(place: str | Path, classes: Sequence[str]) -> None:
    """Raises DataError, one line that begins with `place`, for too few or too many classes, or equal names."""
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise DataError(f"{place}: found {len(classes)} classes, allowed: 2 to {MAX_CLASSES}")
    name, count = Counter(classes).most_common(1)[0]
    if count > 1:
        raise DataError(f"{place}: classes: found two of one name, {name!r}, allowed: different names")


def require_each_class(place: str | Path, labels: NDArray[Any], splits: NDArray[Any], classes: Sequence[str]) -> None:
    """Raises DataError, one line that begins with `place`, if a class has no image in one of the splits.

    `labels` (N,) are indices into `classes`, `splits` (N,) indices into SPLITS.
    """
    counts = Counter(zip(labels.tolist(), splits.tolist(), strict=True))
    for label, name in enumerate(classes):
        for split, split_name in enumerate(SPLITS):
            if not counts[label, split]:
                images = sum(counts[label, other] for other in range(len(SPLITS)))
                found = f"the class {name!r} without an image for {split_name} ({images} images in all)"
                raise DataError(f"{place}: found {found}, allowed: 3 images or more, one for each split")
