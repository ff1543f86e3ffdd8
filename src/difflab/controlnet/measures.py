"""How well images follow hints and prompts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from difflab.evaluation.circle_metrics import delta_e, disk, distances, foreground, iou, lab
from difflab.evaluation.intervals import median
from difflab.systems.controlnet.conditions import Conditions


@dataclass(frozen=True)
class Measured:
    """Of N images with K circles each: `iou` and `circle_delta_e` (N, K), and `background_delta_e` (N,)."""

    iou: NDArray[np.float64]
    circle_delta_e: NDArray[np.float64]
    background_delta_e: NDArray[np.float64]

    def summary(self) -> dict[str, Any]:
        """Medians over images with their intervals; an image's value is the mean of its circles."""
        values: Mapping[str, NDArray] = {
            "iou": self.iou.mean(1),
            "circle_delta_e": self.circle_delta_e.mean(1),
            "background_delta_e": self.background_delta_e,
        }
        return {name: asdict(median(numbers)) for name, numbers in values.items()}

    def of_each_circle(self) -> list[dict[str, Any]]:
        """Medians for the first circle and for the second."""
        pairs = zip(self.iou.T, self.circle_delta_e.T, strict=True)
        return [{"iou": asdict(median(overlap)), "delta_e": asdict(median(error))} for overlap, error in pairs]


def measure(images: NDArray[np.uint8], requests: Conditions) -> Measured:
    """`images` (N, S, S, 3) of N requests with equally many circles.

    A circle's shape is the foreground that is nearer to its hint than to the other; its colour, the median inside its
    hint. Where any order of colours will do, the better one counts.
    """
    rows = [
        _measure_one(image, geometry[geometry[:, 2] > 0], colours, requests.any_order)
        for image, geometry, colours in zip(images, requests.geometry.numpy(), requests.colours.numpy(), strict=True)
    ]
    overlaps, errors, backgrounds = zip(*rows, strict=True)
    return Measured(np.array(overlaps), np.array(errors), np.array(backgrounds))


def _measure_one(
    image: NDArray[np.uint8], circles: NDArray[np.float32], colours: NDArray[np.uint8], any_order: bool
) -> tuple[list[float], list[float], float]:
    pixels, size = lab(image), len(image)
    disks = [disk(x, y, radius, size) for x, y, radius in circles]
    nearest = np.argmin([distances(x, y, size) - radius for x, y, radius in circles], axis=0)
    overlaps = [iou(foreground(pixels, nearest == k), inside) for k, inside in enumerate(disks)]
    orders = [list(range(len(disks))), list(range(len(disks)))[::-1]] if any_order else [list(range(len(disks)))]
    errors = [[delta_e(pixels[disks[k]], colours[named]) for k, named in enumerate(order)] for order in orders]
    background = delta_e(pixels[~np.any(disks, axis=0)], colours[2])
    return overlaps, min(errors, key=sum), background
