"""Compare circles in images with the requested ones: position (IoU) and color (CIEDE2000).

The shape is segmented without the requested color: the pixels that differ from the background, the border's color.
"""

# scikit-image is untyped, torch.from_numpy partially typed.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.filters import threshold_otsu
from torch import Tensor

from difflab.config.personalization import PresenceParams
from difflab.data.colors import rgb

BARELY_SEEN = 5.0  # distance in CIELAB that a foreground has to exceed
MEASURES = {
    "iou": "intersection over union of pixels; the foreground is what Otsu's threshold of the distance in CIELAB from "
    "the border's median color leaves; 0 where nothing differs from it by more than 5",
    "delta_e": "CIEDE2000 (Sharma, Wu & Dalal 2005) between the median color in CIELAB and the asked one",
    "interval": "of the median: 95 %, exact, from order statistics",
}


def lab(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Convert sRGB (..., H, W, 3) uint8 to CIELAB of the same shape."""
    return rgb2lab(images)


def foreground(image: NDArray[np.float64], region: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Foreground pixels, (H, W) bool, of an image (H, W, 3) in CIELAB, only in `region`, (H, W) bool, if given.

    Their distance from the border's median color exceeds Otsu's threshold and BARELY_SEEN.
    """
    border = np.concatenate([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]])
    distance: NDArray[np.float64] = np.linalg.norm(image - np.median(border, axis=0), axis=-1)
    if region is None:
        region = np.ones(distance.shape, dtype=bool)
    if np.ptp(distance[region]) == 0:
        return np.zeros_like(region)
    return region & (distance > max(threshold_otsu(distance[region]), BARELY_SEEN))


def disk(x: float, y: float, radius: float, size: int) -> NDArray[np.bool_]:
    """Pixels whose centers are in a circle, (size, size) bool; coordinates in units of the image's side."""
    return distances(x, y, size) <= radius


def distances(x: float, y: float, size: int) -> NDArray[np.float64]:
    """Distances of pixel centers from a point, (size, size), in units of the image's side."""
    centers = (np.arange(size) + 0.5) / size
    return np.hypot(centers - x, centers[:, None] - y)


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks, in [0, 1]; 0 if both are empty."""
    either = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / either if either else 0.0


def roundness(shape: NDArray[np.bool_]) -> float:
    """IoU of a mask (S, S) with the disk of equal area around its centroid: 1 for a disk, 0 if it is empty."""
    area = np.count_nonzero(shape)
    if not area:
        return 0.0
    size = len(shape)
    y, x = (np.argwhere(shape).mean(0) + 0.5) / size
    return iou(shape, disk(x, y, np.sqrt(area / np.pi) / size, size))


def delta_e(pixels: NDArray[np.float64], color: NDArray[np.uint8]) -> float:
    """CIEDE2000 between the median of `pixels` (N, 3) in CIELAB and an sRGB color (3,)."""
    return float(deltaE_ciede2000(np.median(pixels, axis=0), lab(color[None, None])[0, 0]))


def shows_color(images: Tensor, color: str, params: PresenceParams) -> Tensor:
    """Whether each image (N, 3, H, W) uint8 shows a color: (N,) bool.

    At least the share `min_share` of its pixels has a CIEDE2000 of at most `max_delta_e` to the color (Sharma, Wu &
    Dalal 2005).
    """
    pixels = rgb2lab(images.permute(0, 2, 3, 1).numpy())
    differences = deltaE_ciede2000(pixels, rgb2lab(np.full((1, 1, 1, 3), rgb(color), dtype=np.uint8)))
    return torch.from_numpy((differences <= params.max_delta_e).mean(axis=(1, 2)) >= params.min_share)
