"""Wilson and Newcombe against the tables of Newcombe 1998, the bootstrap against the normal interval of a mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from difflab.evaluation.intervals import Estimate, bootstrapped, wilson


@pytest.mark.parametrize(
    ("correct", "images", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_of_a_published_table(correct, images, low, high):
    """Statistics in Medicine 17, p. 857, table I, method 3."""
    estimate = wilson(correct, images)
    assert estimate.value == correct / images
    assert (estimate.low, estimate.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_difference_of_a_published_table(first, second, low, high):
    """Statistics in Medicine 17, p. 873, table II, method 10."""
    difference = wilson(*first).minus(wilson(*second))
    assert difference.value == pytest.approx(first[0] / first[1] - second[0] / second[1])
    assert (difference.low, difference.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


numbers = st.floats(-1e3, 1e3)
estimates = st.tuples(numbers, numbers, numbers).map(lambda ends: Estimate(*(sorted(ends)[i] for i in (1, 0, 2))))


@given(estimates, estimates)
def test_difference_turned_round_is_mirrored(first, second):
    forth, back = first.minus(second), second.minus(first)
    assert (forth.value, forth.low, forth.high) == pytest.approx((-back.value, -back.high, -back.low))
    assert forth.low <= forth.value <= forth.high


shares = st.tuples(*[st.floats(0, 1)] * 3).map(lambda ends: Estimate(*(sorted(ends)[i] for i in (1, 0, 2))))


@given(shares, shares)
def test_difference_of_shares_is_within_one(first, second):
    difference = first.minus(second)
    assert difference.low >= -1 - 1e-12 and difference.high <= 1 + 1e-12


def test_bootstrapped_interval_is_that_of_a_mean():
    influence = np.random.default_rng(1).standard_normal(2000)
    influence -= influence.mean()
    estimate = bootstrapped(5.0, influence, 4000, np.random.default_rng(0))
    half = 1.96 * influence.std() / np.sqrt(2000)
    assert (estimate.value, estimate.low, estimate.high) == (
        5.0,
        pytest.approx(5 - half, abs=0.05 * half),
        pytest.approx(5 + half, abs=0.05 * half),
    )
    assert estimate == bootstrapped(5.0, influence, 4000, np.random.default_rng(0))


def test_differences_between_strata_are_no_chance():
    rng = np.random.default_rng(1)
    noise, strata = rng.standard_normal(300), np.repeat([4, 7, 9], [50, 100, 150])
    shifted = noise + np.array([-30.0, 0.0, 10.0]).repeat([50, 100, 150])
    with_strata = bootstrapped(0.0, shifted, 500, np.random.default_rng(0), strata)
    assert with_strata.high - with_strata.low == pytest.approx(2 * 1.96 * noise.std() / np.sqrt(300), rel=0.1)
    without = bootstrapped(0.0, shifted, 500, np.random.default_rng(0))
    assert without.high - without.low > 10 * (with_strata.high - with_strata.low)
