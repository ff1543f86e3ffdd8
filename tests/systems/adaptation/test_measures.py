"""Measurements compared with known values."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm

from difflab.config.training import TsneParams
from difflab.errors import UserError
from difflab.evaluation.intervals import SHARE, Estimate, over_runs
from difflab.systems.adaptation.evaluation import embed, proxy_a_distance
from difflab.systems.adaptation.networks import mutual_information

RNG = np.random.default_rng(0)


def test_interval_of_runs_by_hand():
    """t of two degrees of freedom is 4.3027; the standard error of 0.1, 0.2, 0.3 is 0.1 / √3."""
    estimate = over_runs([0.1, 0.2, 0.3])
    half = 4.302653 * 0.1 / math.sqrt(3)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((0.2, 0.2 - half, 0.2 + half), abs=1e-6)
    assert over_runs([0.5, 0.5]) == Estimate(0.5, 0.5, 0.5)


def test_interval_of_shares_covers_their_mean_in_95_of_100():
    """Means of three runs of a beta distribution with mean 0.9 (standard deviation 0.04)."""
    rng, covered = np.random.default_rng(0), 0
    for runs in rng.beta(45, 5, (2000, 3)):
        estimate = over_runs(runs, SHARE)
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
        covered += estimate.low <= 0.9 <= estimate.high
    assert covered / 2000 == pytest.approx(0.95, abs=0.02)


def test_separable_domains_have_distance_two():
    source = RNG.standard_normal((60, 4))
    assert proxy_a_distance(source, RNG.standard_normal((40, 4)) + np.array([20, 0, 0, 0]), 0) == 2


def test_one_cloud_twice_has_distance_zero():
    cloud = RNG.standard_normal((1000, 4))
    assert abs(proxy_a_distance(cloud[:500], cloud[500:], 0)) < 0.25


def test_overlapping_domains_have_the_distance_of_bayes_error():
    """The best probe of N(0, 1) and N(2, 1) errs with Φ(−1)."""
    source, target = RNG.standard_normal((3000, 1)), RNG.standard_normal((2000, 1)) + 2
    assert proxy_a_distance(source, target, 0) == pytest.approx(2 * (1 - 2 * norm.cdf(-1)), abs=0.1)


def test_a_larger_domain_does_not_count_for_more():
    """Guessing the larger one would be right in nine of ten."""
    assert abs(proxy_a_distance(RNG.standard_normal((900, 2)), RNG.standard_normal((100, 2)), 0)) < 0.6


def test_mutual_information_by_hand():
    sure = torch.eye(4)
    assert mutual_information(sure) == pytest.approx(math.log(4))
    assert mutual_information(sure[[0, 0, 0]]) == pytest.approx(0)  # one class for all
    assert mutual_information(torch.full((3, 4), 0.25)) == pytest.approx(0)  # no idea of any
    half = torch.tensor([[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]])
    assert mutual_information(half) == pytest.approx(math.log(4) - math.log(2))


def test_tsne_keeps_clusters_and_repeats_itself():
    params = TsneParams(seed=0, perplexity=5.0, num_images=10)
    features = np.concatenate([RNG.standard_normal((20, 6)), RNG.standard_normal((20, 6)) + 30]).astype(np.float32)
    points = embed(features, params)
    assert points.shape == (40, 2) and np.array_equal(points, embed(features, params))
    (a, b), spread = (points[:20].mean(0), points[20:].mean(0)), points[:20].std(0).max()
    assert np.linalg.norm(a - b) > 3 * spread


def test_a_perplexity_beyond_the_images_is_one_line():
    params = TsneParams(seed=0, perplexity=12.0, num_images=10)
    with pytest.raises(UserError, match=r"^adaptation\.tsne\.perplexity: found 12, allowed: number < 12, the images"):
        embed(np.zeros((12, 3), dtype=np.float32), params)
