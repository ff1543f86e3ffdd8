"""Circles that were drawn, held against those that were asked for: by place (IoU) and by colour (CIEDE2000).

The shape is found without the asked colour: what differs most from the background, which is the border's colour.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.filters import threshold_otsu
from torch import Tensor

from difflab.data.colors import rgb
from difflab.evaluation.intervals import Estimate
from difflab.params import PresenceParams

BARELY_SEEN = 5.0  # distance in CIELAB; a foreground that differs less from the background is none
MEASURES = {
    "iou": "intersection over union of pixels; the foreground is what Otsu's threshold of the distance in CIELAB from "
    "the border's median colour leaves; 0 where nothing differs from it by more than 5",
    "delta_e": "CIEDE2000 (Sharma, Wu & Dalal 2005) between the median colour in CIELAB and the asked one",
    "interval": "of the median: 95 %, exact, from order statistics",
}


def lab(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(..., H, W, 3) sRGB bytes to CIELAB."""
    return rgb2lab(images)


def foreground(image: NDArray[np.float64], region: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """(H, W) bool: the pixels of `region` of an image (H, W, 3) in CIELAB that are not background."""
    border = np.concatenate([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]])
    distance = np.linalg.norm(image - np.median(border, axis=0), axis=-1)
    if region is None:
        region = np.ones(distance.shape, dtype=bool)
    if np.ptp(distance[region]) == 0:
        return np.zeros_like(region)
    return region & (distance > max(threshold_otsu(distance[region]), BARELY_SEEN))


def disk(x: float, y: float, radius: float, size: int) -> NDArray[np.bool_]:
    """(size, size) bool: pixels whose centres lie in a circle, all in units of the image's side."""
    return distances(x, y, size) <= radius


def distances(x: float, y: float, size: int) -> NDArray[np.float64]:
    """(size, size): of pixel centres from a point, in units of the image's side."""
    centres = (np.arange(size) + 0.5) / size
    return np.hypot(centres - x, centres[:, None] - y)


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Pixels in both over pixels in either; 0 where there are none."""
    either = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / either if either else 0.0


def roundness(shape: NDArray[np.bool_]) -> float:
    """IoU of a shape with the circle of its area around its centroid: 1 for a disk."""
    area = np.count_nonzero(shape)
    if not area:
        return 0.0
    size = len(shape)
    y, x = (np.argwhere(shape).mean(0) + 0.5) / size
    return iou(shape, disk(x, y, np.sqrt(area / np.pi) / size, size))


def delta_e(pixels: NDArray[np.float64], colour: NDArray[np.uint8]) -> float:
    """CIEDE2000 between the median of `pixels` (N, 3) in CIELAB and an sRGB colour (3,)."""
    return float(deltaE_ciede2000(np.median(pixels, axis=0), lab(colour[None, None])[0, 0]))


def median(values: ArrayLike) -> Estimate:
    """The median with its exact 95 % interval, from order statistics (Conover 1999, section 3.2)."""
    from scipy.stats import quantile_test

    numbers = np.asarray(values, dtype=np.float64)
    middle: Any = np.median(numbers)
    interval = quantile_test(numbers, q=middle, p=0.5).confidence_interval(0.95)
    # Of a few numbers the interval has no ends.
    low, high = np.fmax(interval.low, numbers.min()), np.fmin(interval.high, numbers.max())
    return Estimate(float(middle), float(low), float(high))


def shows_colour(images: Tensor, colour: str, params: PresenceParams) -> Tensor:
    """(N,) bool: whether `min_share` of the pixels of each image (N, 3, H, W) uint8 are near enough to the colour.

    Near is a CIEDE2000 of `max_delta_e` at most (Sharma, Wu & Dalal 2005).
    """
    from skimage.color import deltaE_ciede2000, rgb2lab

    pixels = rgb2lab(images.permute(0, 2, 3, 1).numpy())
    differences = deltaE_ciede2000(pixels, rgb2lab(np.full((1, 1, 1, 3), rgb(colour), dtype=np.uint8)))
    return torch.from_numpy((differences <= params.max_delta_e).mean(axis=(1, 2)) >= params.min_share)
