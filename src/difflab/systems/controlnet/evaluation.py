"""Metrics of the ControlNet, metrics/controlnet.json: how well samples match conditioning images and prompts."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from difflab.config.language import ControlSamplesParams
from difflab.errors import UserError, reading
from difflab.evaluation.circle_metrics import MEASURES, delta_e, disk, distances, foreground, iou, lab
from difflab.evaluation.intervals import median
from difflab.systems.controlnet.conditions import (
    ONE_CIRCLE,
    CircleConditions,
    Conditions,
    at_step,
    scaled,
    steps_of,
    two_circles_name,
    without,
)

PROTOCOL = MEASURES | {
    "iou": f"{MEASURES['iou']}; of a circle and its hint, each pixel with the hint it is nearest to",
    "color": "of a circle, of the pixels inside its hint; of the background, of those outside all hints",
    "without": "the same prompts and noises without the ControlNet; step 0 is the same",
}

C = TypeVar("C", bound=Conditions)


def load_sample_sets(folder: str | Path) -> dict[str, NDArray[np.uint8]]:
    """Read the samples in `folder`: (N, S, S, 3) uint8 by group. Raises UserError when there are none."""
    folder = Path(folder)
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise UserError(f"{folder}: found no images, allowed: those of `dvc repro controlnet_samples`")
    images = {}
    for file in files:
        with reading(file, KeyError):
            images[file.stem] = load_file(file)["images"].transpose(0, 2, 3, 1)
    return images


@dataclass(frozen=True)
class CircleErrors:
    """Errors of N images with K circles each: `iou` and `circle_delta_e` (N, K), `background_delta_e` (N,)."""

    iou: NDArray[np.float64]
    circle_delta_e: NDArray[np.float64]
    background_delta_e: NDArray[np.float64]

    def summary(self) -> dict[str, Any]:
        """Medians over images with 95 % intervals; the value of an image is the mean over its circles."""
        values: Mapping[str, NDArray] = {
            "iou": self.iou.mean(1),
            "circle_delta_e": self.circle_delta_e.mean(1),
            "background_delta_e": self.background_delta_e,
        }
        return {name: asdict(median(numbers)) for name, numbers in values.items()}

    def of_each_circle(self) -> list[dict[str, Any]]:
        """Medians over images, with 95 % intervals, for each of the K circles."""
        pairs = zip(self.iou.T, self.circle_delta_e.T, strict=True)
        return [{"iou": asdict(median(overlap)), "delta_e": asdict(median(error))} for overlap, error in pairs]


def measure(images: NDArray[np.uint8], requests: CircleConditions) -> CircleErrors:
    """Compare `images` (N, S, S, 3) uint8 with their N conditions, all with the same number of circles.

    For each circle of the conditioning image, the shape is the part of the foreground that is nearer to it than to the
    other circle; the color is the median inside the circle. With `any_order`, the better assignment of colors counts.
    """
    rows = [
        _measure_one(image, geometry[geometry[:, 2] > 0], colors, requests.any_order)
        for image, geometry, colors in zip(images, requests.geometry.numpy(), requests.colors.numpy(), strict=True)
    ]
    overlaps, errors, backgrounds = zip(*rows, strict=True)
    return CircleErrors(np.array(overlaps), np.array(errors), np.array(backgrounds))


def _measure_one(
    image: NDArray[np.uint8], circles: NDArray[np.float32], colors: NDArray[np.uint8], any_order: bool
) -> tuple[list[float], list[float], float]:
    pixels, size = lab(image), len(image)
    disks = [disk(x, y, radius, size) for x, y, radius in circles]
    nearest = np.argmin([distances(x, y, size) - radius for x, y, radius in circles], axis=0)
    overlaps = [iou(foreground(pixels, nearest == k), inside) for k, inside in enumerate(disks)]
    orders = [list(range(len(disks))), list(range(len(disks)))[::-1]] if any_order else [list(range(len(disks)))]
    errors = [[delta_e(pixels[disks[k]], colors[named]) for k, named in enumerate(order)] for order in orders]
    background = delta_e(pixels[~np.any(disks, axis=0)], colors[2])
    return overlaps, min(errors, key=sum), background


def circle_summary(images: NDArray[np.uint8], requests: CircleConditions) -> dict[str, Any]:
    """`CircleErrors.summary` of `images` (N, S, S, 3) uint8."""
    return measure(images, requests).summary()


def controlnet_metrics(
    images: dict[str, NDArray[np.uint8]], groups: dict[str, CircleConditions], params: ControlSamplesParams
) -> dict[str, Any]:
    """All metrics of samples of circles, from `images` (N, S, S, 3) uint8 by group."""
    metrics = {name: of_group(images, name, requests, circle_summary) for name, requests in groups.items()}
    for number, asked in enumerate(params.two_circles, start=1):
        name = two_circles_name(number)
        circles = measure(images[name], groups[name]).of_each_circle()
        named = [{"color": color} | circle for color, circle in zip(asked.colors, circles, strict=False)]
        metrics[name] = {"prompt": asked.prompt} | metrics[name] | {"circles": named}
    metrics |= of_compared(images, ONE_CIRCLE, groups[ONE_CIRCLE], params, circle_summary)
    return metrics | {"protocol": PROTOCOL | {"image_size": images[ONE_CIRCLE].shape[1]}}


def of_group(
    images: dict[str, NDArray[np.uint8]],
    name: str,
    requests: C,
    summarize: Callable[[NDArray[np.uint8], C], dict[str, Any]],
) -> dict[str, Any]:
    """Apply `summarize` to the samples of one group, with and without the ControlNet."""
    drawn = {"num_images": len(requests)} | summarize(images[name], requests)
    return drawn | {"without": summarize(images[without(name)], requests)}


def of_compared(
    images: dict[str, NDArray[np.uint8]],
    name: str,
    requests: C,
    params: ControlSamplesParams,
    summarize: Callable[[NDArray[np.uint8], C], dict[str, Any]],
) -> dict[str, Any]:
    """Apply `summarize` to the first `num_compared` images of a group, by training step and by conditioning scale."""
    compared = requests.part(range(params.num_compared))
    steps = {"0": images[without(name)][: len(compared)]}
    steps |= {str(step): images[at_step(step)] for step in steps_of(images)}
    scales = {f"{scale:g}": images[scaled(scale)] for scale in params.conditioning_scales}
    measured = {
        key: {value: summarize(drawn, compared) for value, drawn in of.items()}
        for key, of in (("steps", steps), ("scales", scales))
    }
    return measured | {"num_compared": params.num_compared}
