"""Edge detection, and the agreement of the edges of two images."""

# scikit-image and SciPy are untyped.
# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
from math import hypot

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.feature import canny

TOLERANCE = 0.0075  # of the diagonal, at least one pixel; as in the BSDS500 benchmark
SIGMA = 1 / 256  # of the image's side, at least one pixel: blur before edge detection
MEASURES = {
    "edge_f1": "F1 = 2 PR / (P + R) of edges (Canny 1986, in any of the channels R, G, B): P is the share of the "
    "sample's edge pixels within 0.75 % of the diagonal (one pixel at least) of one of the real image, R the share of "
    "the real image's within that distance of one of the sample (Martin, Fowlkes & Malik 2004, with pixels matched to "
    "the nearest instead of one to one)",
}


def edges(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Pixels where at least one channel has an edge (Canny 1986): sRGB (H, W, 3) uint8 to (H, W) bool."""
    sigma = max(1.0, SIGMA * min(image.shape[:2]))
    return np.any([canny(channel / 255, sigma) for channel in np.moveaxis(image, -1, 0)], axis=0)


def edge_f1(sample: NDArray[np.bool_], real: NDArray[np.bool_]) -> float:
    """F1 of two edge maps (H, W) bool, see MEASURES: 1 if neither has an edge, 0 if only one has."""
    if not sample.any() or not real.any():
        return float(sample.any() == real.any())
    tolerance = max(1.0, TOLERANCE * hypot(*sample.shape))
    precision, recall = _share_near(sample, real, tolerance), _share_near(real, sample, tolerance)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _share_near(pixels: NDArray[np.bool_], others: NDArray[np.bool_], tolerance: float) -> float:
    distances = np.asarray(distance_transform_edt(~others))
    return float(np.mean(distances[pixels] <= tolerance))
