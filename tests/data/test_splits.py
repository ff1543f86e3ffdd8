"""Splits: their sizes, and no overlap between them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from difflab.data.splits import (
    TEST,
    TRAIN,
    VALIDATION,
    grouped_splits,
    official_splits,
    random_splits,
    stratified_splits,
)

shares = st.floats(0, 0.3)


@given(st.integers(0, 300), shares, shares, st.integers(0, 2**32))
def test_shares_are_kept_and_none_is_empty(n: int, validation: float, test: float, seed: int) -> None:
    splits = random_splits(n, validation, test, np.random.default_rng(seed))
    counts = np.bincount(splits, minlength=3)
    assert counts.sum() == n == len(splits)
    for split, share in ((VALIDATION, validation), (TEST, test)):
        if n < 3 or share == 0:
            assert counts[split] == 0
        else:
            assert counts[split] == max(1, round(share * n))
    assert n == 0 or counts[TRAIN] > 0


def test_stratified_takes_the_share_of_each_class() -> None:
    labels = np.repeat(np.arange(10), np.arange(10, 110, 10))
    labels = np.random.default_rng(1).permutation(labels)
    splits = stratified_splits(labels, 0.1, 0.2, np.random.default_rng(0))
    for digit in range(10):
        n = 10 * (digit + 1)
        assert np.bincount(splits[labels == digit]).tolist() == [n - n // 10 - n // 5, n // 10, n // 5]


@given(st.lists(st.sampled_from([f"person {i}" for i in range(12)]), min_size=1), st.integers(0, 2**32))
def test_no_group_is_in_two_splits(groups: list[str], seed: int) -> None:
    splits = grouped_splits(groups, 0.1, 0.1, np.random.default_rng(seed))
    for group in set(groups):
        assert len({split for split, name in zip(splits, groups, strict=True) if name == group}) == 1
    assert len(set(groups)) < 3 or set(splits) == {TRAIN, VALIDATION, TEST}


def test_the_official_test_set_stays_the_test_set() -> None:
    labels = np.arange(1000) % 10
    splits = official_splits(labels, 30, np.random.default_rng(0))
    assert (splits[1000:] == TEST).all() and len(splits) == 1030
    assert np.bincount(splits[:1000]).tolist() == [900, 100]
    assert np.bincount(labels[splits[:1000] == VALIDATION]) == pytest.approx(10)
