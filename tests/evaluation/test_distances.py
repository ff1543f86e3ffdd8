"""Distances against closed forms and the direct formula; their intervals by simulation."""

from math import comb

import numpy as np
import pytest

from difflab.evaluation.distances import frechet_distance, frechet_influence, kernel_distance, kernel_influence
from difflab.evaluation.intervals import bootstrapped

pytestmark = pytest.mark.filterwarnings("ignore:The `disp` argument:DeprecationWarning")  # inside clean-fid


def exactly_gaussian(n: int, mean, covariance, seed: int) -> np.ndarray:
    """(n, D) numbers whose sample mean and covariance are the given ones."""
    draws = np.random.default_rng(seed).standard_normal((n, len(mean)))
    draws -= draws.mean(0)
    white = draws @ np.linalg.inv(np.linalg.cholesky(np.cov(draws, rowvar=False))).T
    return mean + white @ np.linalg.cholesky(covariance).T


def test_frechet_distance_of_gaussians_that_share_their_axes():
    """|μ − ν|² + Σ (√a − √b)², also in axes that are turned."""
    turn, _ = np.linalg.qr(np.random.default_rng(3).standard_normal((4, 4)))
    a, b = np.array([1.0, 4.0, 9.0, 0.25]), np.array([4.0, 1.0, 9.0, 1.0])
    shift = np.array([1.0, -2.0, 0.0, 0.5])
    generated = exactly_gaussian(50, shift, turn @ np.diag(a) @ turn.T, seed=0)
    reference = exactly_gaussian(70, np.zeros(4), turn @ np.diag(b) @ turn.T, seed=1)
    assert frechet_distance(generated, reference) == pytest.approx(5.25 + 1 + 1 + 0 + 0.25)
    assert frechet_distance(generated, generated) == pytest.approx(0, abs=1e-6)


def test_frechet_influence_is_the_derivative():
    """By each image's weight: (F((1 − ε) P + ε δ) − F(P)) / ε."""
    from cleanfid.fid import frechet_distance as of_moments

    rng = np.random.default_rng(0)
    generated, reference = rng.standard_normal((400, 3)) * [1, 2, 0.5] + 0.4, rng.standard_normal((500, 3))
    moments = reference.mean(0), np.cov(reference, rowvar=False)

    def weighted(weights):
        mean = weights @ generated
        return of_moments(mean, (generated - mean).T * weights @ (generated - mean), *moments)

    influence = frechet_influence(generated, reference)
    even, step = np.full(400, 1 / 400), 1e-5
    for image in (0, 17, 399):
        heavier = (1 - step) * even + step * (np.arange(400) == image)
        derivative = (weighted(heavier) - weighted(even)) / step
        assert influence[image] == pytest.approx(derivative, rel=0.02, abs=0.02)
    assert influence.mean() == pytest.approx(0, abs=1e-9)


def test_frechet_influence_where_features_are_always_zero():
    generated, reference = (np.random.default_rng(seed).standard_normal((60, 3)) for seed in (0, 1))
    padded = (np.pad(features, ((0, 0), (0, 2))) for features in (generated, reference))
    np.testing.assert_allclose(frechet_influence(*padded), frechet_influence(generated, reference), atol=1e-6)


def direct_kernel_distance(x, y):
    """The unbiased estimate of the squared MMD, Gretton 2012, equation 3."""
    size = x.shape[1]
    within = [
        np.mean([(a @ b / size + 1) ** 3 for i, a in enumerate(z) for j, b in enumerate(z) if i != j]) for z in (x, y)
    ]
    return sum(within) - 2 * np.mean([(a @ b / size + 1) ** 3 for a in x for b in y])


def test_kernel_distance_is_the_direct_formula():
    """With as many images of both, each of clean-fid's subsets holds all of them."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 3)) + 0.5, rng.standard_normal((20, 3))
    assert kernel_distance(x, y, seed=0) == pytest.approx(direct_kernel_distance(x, y))


def test_kernel_influence_is_what_leaving_an_image_out_changes():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((60, 3)) + 0.5, rng.standard_normal((60, 3))
    left_out = np.array([direct_kernel_distance(np.delete(x, i, axis=0), y) for i in range(12)])
    changes = (direct_kernel_distance(x, y) - left_out) * (len(x) - 1)
    np.testing.assert_allclose(kernel_influence(x, y)[:12], changes, rtol=0.08, atol=0.08)


def test_frechet_interval_covers_a_known_distance():
    """Few dimensions for many images, so that what is expected of as many images is nearly the closed form."""
    known, rng = 2 * (0.5**2 + 0.3**2), np.random.default_rng(0)
    reference = exactly_gaussian(1000, np.zeros(2), np.eye(2), seed=1)
    covered = 0
    for trial in range(150):
        generated = 0.5 + 1.3 * rng.standard_normal((300, 2))
        value, influence = frechet_distance(generated, reference), frechet_influence(generated, reference)
        estimate = bootstrapped(value, influence, 200, np.random.default_rng(trial))
        covered += estimate.low <= known <= estimate.high
    assert 0.88 <= covered / 150 <= 0.99


def test_kernel_interval_covers_the_expected_distance_of_as_many_images_of_each_digit():
    """In one dimension E (xy + 1)³ = Σ C(3, k) E xᵏ E yᵏ; 100 images, 50 around each of two centres."""
    rng = np.random.default_rng(0)
    reference, centres = 0.5 * rng.standard_normal((300, 1)), np.repeat([0.1, 1.1], 50)
    binomials = np.array([comb(3, k) for k in range(4)])
    moments = np.array([[1, c, c**2 + 0.09, c**3 + 0.27 * c] for c in (0.1, 1.1)])
    of_reference = np.array([(reference**k).mean() for k in range(4)])
    pairs = np.array([[49, 50], [50, 49]]) / (2 * 99)  # of images of two centres, no image being its own partner
    expected = (pairs * (moments * binomials @ moments.T)).sum() - 2 * moments.mean(0) * binomials @ of_reference
    kernel = (reference @ reference.T + 1) ** 3
    expected += (kernel.sum() - np.trace(kernel)) / (300 * 299)
    covered = 0
    for trial in range(40):
        generated = centres[:, None] + 0.3 * rng.standard_normal((100, 1))
        value, influence = kernel_distance(generated, reference, trial), kernel_influence(generated, reference)
        estimate = bootstrapped(value, influence, 200, np.random.default_rng(trial), strata=centres)
        covered += estimate.low <= expected <= estimate.high
    assert 0.85 <= covered / 40 < 1
