"""metrics/controlnet.json: what was drawn with the ControlNet, without it, and on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from difflab.config.language import ControlSamplesParams
from difflab.evaluation.circle_metrics import MEASURES
from difflab.systems.controlnet.conditions import (
    ONE_CIRCLE,
    Conditions,
    at_step,
    scaled,
    steps_of,
    two_circles_name,
    without,
)
from difflab.systems.controlnet.evaluation import measure

PROTOCOL = MEASURES | {
    "iou": f"{MEASURES['iou']}; of a circle and its hint, each pixel with the hint it is nearest to",
    "colour": "of a circle, of the pixels inside its hint; of the background, of those outside all hints",
    "without": "the same prompts and noises without the ControlNet; step 0 is the same",
}


def evaluate(
    images: dict[str, NDArray[np.uint8]], groups: dict[str, Conditions], params: ControlSamplesParams
) -> dict[str, Any]:
    """`images` (N, S, S, 3) by group."""
    metrics: dict[str, Any] = {}
    for name, requests in groups.items():
        metrics[name] = {"num_images": len(requests)} | _of_group(images, name, requests)
    for number, asked in enumerate(params.two_circles, start=1):
        name = two_circles_name(number)
        circles = measure(images[name], groups[name]).of_each_circle()
        named = [{"colour": colour} | circle for colour, circle in zip(asked.colours, circles, strict=False)]
        metrics[name] = {"prompt": asked.prompt} | metrics[name] | {"circles": named}
    compared = groups[ONE_CIRCLE].part(range(params.num_compared))
    steps = {step: at_step(step) for step in steps_of(images)}
    scales = {f"{scale:g}": scaled(scale) for scale in params.conditioning_scales}
    before = images[without(ONE_CIRCLE)][: len(compared)]
    metrics["steps"] = {"0": measure(before, compared).summary()}
    metrics["steps"] |= {str(step): measure(images[name], compared).summary() for step, name in steps.items()}
    metrics["scales"] = {scale: measure(images[name], compared).summary() for scale, name in scales.items()}
    metrics["num_compared"] = params.num_compared
    metrics["protocol"] = PROTOCOL | {"image_size": images[ONE_CIRCLE].shape[1]}
    return metrics


def _of_group(images: dict[str, NDArray[np.uint8]], name: str, requests: Conditions) -> dict[str, Any]:
    summary = measure(images[name], requests).summary()
    return summary | {"without": measure(images[without(name)], requests).summary()}
