"""Random splits into training, validation and test sets."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from difflab.data.dataset import SPLITS

TRAIN, VALIDATION, TEST = range(len(SPLITS))


def random_splits(n: int, validation: float, test: float, generator: Generator) -> NDArray[np.uint8]:
    """Random split of n items: (n,) uint8 indices into SPLITS.

    `validation` and `test` are shares in [0, 1]; the rest is for training. With three or more items, a share above 0
    gets at least one; fewer items are all for training.
    """
    counts = [max(1, round(share * n)) if share > 0 and n >= 3 else 0 for share in (validation, test)]
    splits = np.full(n, TRAIN, dtype=np.uint8)
    splits[: counts[0]] = VALIDATION
    splits[counts[0] : sum(counts)] = TEST
    return generator.permutation(splits)


def stratified_splits(
    labels: NDArray[np.int64], validation: float, test: float, generator: Generator
) -> NDArray[np.uint8]:
    """`random_splits` within each class of `labels` (N,): (N,) uint8 indices into SPLITS."""
    splits = np.empty(len(labels), dtype=np.uint8)
    for label in np.unique(labels):
        members = labels == label
        splits[members] = random_splits(int(members.sum()), validation, test, generator)
    return splits


def grouped_splits(groups: list[str], validation: float, test: float, generator: Generator) -> NDArray[np.uint8]:
    """`random_splits` of the groups, so that no group is in two splits: (N,) uint8 indices into SPLITS."""
    names, group_of = np.unique(groups, return_inverse=True)
    return random_splits(len(names), validation, test, generator)[group_of]


def official_splits(
    train_labels: NDArray[np.int64], n_test: int, generator: Generator, validation: float = 0.1
) -> NDArray[np.uint8]:
    """Splits of N training images followed by an official test set: (N + n_test,) uint8 indices into SPLITS.

    The share `validation` of each class of the training images is used for validation.
    """
    train = stratified_splits(train_labels, validation, 0, generator)
    return np.concatenate([train, np.full(n_test, TEST, dtype=np.uint8)])
