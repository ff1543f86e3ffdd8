"""95 % intervals of values and of differences of two values."""

# scipy is untyped.
# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

SHARE = (0.0, 1.0)
DIFFERENCE = (-1.0, 1.0)  # of two shares
UNBOUNDED = (-inf, inf)


@dataclass(frozen=True)
class Estimate:
    """A value and the bounds of its 95 % interval."""

    value: float
    low: float
    high: float

    def minus(self, other: "Estimate") -> "Estimate":
        """The difference of two independent values, with an interval computed from their intervals.

        For two shares with Wilson intervals this is method 10 of Newcombe 1998 (Statistics in Medicine 17, p. 873); for
        other intervals its generalization, MOVER (Zou & Donner 2008, Statistics in Medicine 27, p. 1693). If both
        intervals are within [0, 1], that of the difference is within [-1, 1].
        """
        difference = self.value - other.value
        return Estimate(
            difference,
            difference - hypot(self.value - self.low, other.high - other.value),
            difference + hypot(self.high - self.value, other.value - other.low),
        )


def wilson(num_correct: int, num_images: int) -> Estimate:
    """The share `num_correct` / `num_images` with its score interval (Wilson 1927)."""
    from scipy.stats import binomtest

    interval = binomtest(num_correct, num_images).proportion_ci(0.95, method="wilson")
    return Estimate(num_correct / num_images, float(interval.low), float(interval.high))


def over_runs(values: Sequence[float], bounds: tuple[float, float] = UNBOUNDED) -> Estimate:
    """The mean of two or more independent runs with its Student's t interval, clipped to `bounds`.

    `bounds`: the smallest and largest possible value, such as SHARE or DIFFERENCE. They contain the true mean, so
    clipping does not change the coverage.
    """
    from scipy.stats import sem, t

    mean, half = float(np.mean(values)), float(t.ppf(0.975, len(values) - 1) * sem(values))
    return Estimate(mean, max(mean - half, bounds[0]), min(mean + half, bounds[1]))


def bootstrapped(
    value: float,
    influence: NDArray[np.float64],
    num_resamples: int,
    rng: np.random.Generator,
    strata: NDArray[np.integer] | None = None,
) -> Estimate:
    """`value` plus the percentile interval of the bootstrapped mean of `influence` (N,).

    `influence`: the first-order effect of each of N independent images on the value, with mean 0. `strata`: (N,), if
    the number of images in each stratum was fixed; then only the variation within strata counts.
    """
    from scipy.stats import bootstrap

    if strata is not None:
        _, index = np.unique(strata, return_inverse=True)
        influence = influence - (np.bincount(index, influence) / np.bincount(index))[index]
    resampled = bootstrap(
        (influence,),
        np.mean,
        n_resamples=num_resamples,
        method="percentile",
        batch=max(1, 10_000_000 // len(influence)),  # numbers in memory
        rng=rng,
    )
    low, high = resampled.confidence_interval
    return Estimate(value, value + float(low), value + float(high))


def median(values: ArrayLike) -> Estimate:
    """The median with its exact 95 % interval, from order statistics (Conover 1999, section 3.2)."""
    from scipy.stats import quantile_test

    numbers = np.asarray(values, dtype=np.float64)
    middle: Any = np.median(numbers)
    interval = quantile_test(numbers, q=middle, p=0.5).confidence_interval(0.95)
    # With few numbers the interval is unbounded.
    low, high = np.fmax(interval.low, numbers.min()), np.fmin(interval.high, numbers.max())
    return Estimate(float(middle), float(low), float(high))
