"""Distances between generated and real images in an extractor's features, and what each image does to them.

The interval of a distance is of the generated images, the reference staying as it is: where the distance would fall if
as many images were generated again. Resampling the images and measuring again does not give it: images drawn twice move
a resample away from the reference. (Gaussians with a known distance, 250 images, 16 dimensions, 300 trials: percentiles
of the resampled distances hold the known distance in none and the expected one in 45 %; the basic interval holds the
known one in 97 %, but not the measured value, which is itself too large for so few images.) So each distance is
linearized: the influence of each image on it has a closed form, and the mean of the influences is bootstrapped. That
holds the expected distance in 92-96 % of trials with 250 images in 4 to 16 dimensions, and in 91-94 % with 250 images,
drawn digit by digit, in a judge's features; in fewer where images are few (83-90 % of kernel distances of 60), in more
(98 %) where dimensions are many for them (64 for 250).
"""

# clean-fid, scipy and scikit-learn are untyped.
# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
from __future__ import annotations

import numpy as np
from cleanfid import fid
from numpy.typing import NDArray
from scipy.linalg import eigh
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.utils import gen_batches


def frechet_distance(generated: NDArray[np.floating], reference: NDArray[np.floating]) -> float:
    """Between Gaussians fitted to features (N, D) and (M, D) (Heusel 2017); the fewer images, the larger on average."""
    return float(fid.fid_from_feats(generated.astype(np.float64), reference.astype(np.float64)))


def frechet_influence(generated: NDArray[np.floating], reference: NDArray[np.floating]) -> NDArray[np.float64]:
    """How far each of the generated images moves the Fréchet distance, (N,) float64, mean 0.

    Its derivative is 2 (μ − μ_r) by the mean and I − T by the covariance Σ, T = Σ_r^½ (Σ_r^½ Σ Σ_r^½)^-½ Σ_r^½ being
    the optimal transport from Σ to Σ_r (Rippl, Munk & Sturm 2016, J. Multivariate Analysis 151, p. 90).
    """
    generated, reference = generated.astype(np.float64), reference.astype(np.float64)
    centerd = generated - generated.mean(0)
    root = _square_root(np.cov(reference, rowvar=False))
    between = _square_root(root @ np.cov(generated, rowvar=False) @ root)
    transport = root @ np.linalg.pinv(between, hermitian=True) @ root
    by_mean = 2 * centerd @ (generated.mean(0) - reference.mean(0))
    by_covariance = (centerd**2).sum(1) - ((centerd @ transport) * centerd).sum(1)
    return by_mean + by_covariance - by_covariance.mean()


def kernel_distance(generated: NDArray[np.floating], reference: NDArray[np.floating], seed: int) -> float:
    """Squared maximum mean discrepancy with the kernel (x·y/D + 1)³, unbiased, over random subsets (Bińkowski 2018)."""
    state = np.random.get_state()  # noqa: NPY002  (clean-fid draws from NumPy's global generator)
    np.random.seed(seed)  # noqa: NPY002
    try:
        return fid.kernel_distance(reference, generated)
    finally:
        np.random.set_state(state)  # noqa: NPY002


def kernel_influence(generated: NDArray[np.floating], reference: NDArray[np.floating]) -> NDArray[np.float64]:
    """How far each of the generated images moves the kernel distance, (N,) float64, mean 0.

    The projection of the U-statistic (Hoeffding 1948) with the reference fixed.
    """
    to_generated = _mean_kernel(generated, generated)
    own = ((generated.astype(np.float64) ** 2).mean(1) + 1) ** 3
    others = (to_generated * len(generated) - own) / (len(generated) - 1)
    influence = 2 * (others - _mean_kernel(generated, reference))
    return influence - influence.mean()


def _mean_kernel(images: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean of the kernel over `others` for each image, a few images at a time."""
    slices = gen_batches(len(images), max(1, 10_000_000 // len(others)))  # numbers in memory
    return np.concatenate([polynomial_kernel(images[part], others, degree=3).mean(1, dtype=float) for part in slices])


def _square_root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of a symmetric matrix without negative eigenvalues other than by rounding."""
    values, vectors = eigh(matrix)
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
