"""Figures of the ControlNet: examples, convergence, and the effect of the conditioning scale."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from difflab.data.pixels import to_pil, unit_to_uint8
from difflab.figures.curves import Curve, Plot, save_curves
from difflab.figures.image_grid import Panel, save_image_grid
from difflab.systems.controlnet.conditions import ONE_CIRCLE, CircleConditions, without

NOISES = 6  # shown for each conditioning image with two circles
SCENES = 4  # shown with one circle
LINE = 26  # characters


def save_examples(
    images: dict[str, NDArray[np.uint8]], groups: dict[str, CircleConditions], path: Path, inputs: Sequence[Path]
) -> None:
    """Write the figure of examples: prompt, conditioning image and samples, with and without the ControlNet."""
    two = {name: requests for name, requests in groups.items() if name != ONE_CIRCLE}
    panels = [_two_circles(images, two), _one_circle(images, groups[ONE_CIRCLE])]
    save_image_grid(panels, "ControlNet, trained on one circle", path, "evaluate_controlnet", inputs)


def _two_circles(images: dict[str, NDArray[np.uint8]], groups: dict[str, CircleConditions]) -> Panel:
    """Two rows for each prompt and conditioning image, with and without the ControlNet; noises in columns."""
    rows, labels = [], []
    for name, requests in groups.items():
        shown = range(min(NOISES, len(requests)))
        hint = _hints(requests.part(range(1)), images[name].shape[1])
        rows += [hint + pictures(images[group], shown) for group in (name, without(name))]
        prompt = fill(requests.prompts[0], LINE)
        labels += [prompt, f"{prompt},\nwithout the ControlNet"]
    noises = [f"noise {number}" for number in range(max(map(len, rows)) - 1)]
    return Panel(rows, labels, ["control image", *noises])


def _one_circle(images: dict[str, NDArray[np.uint8]], requests: CircleConditions) -> Panel:
    """A row for each held-out scene, each with a different noise."""
    shown = range(min(SCENES, len(requests)))
    hints = _hints(requests.part(shown), images[ONE_CIRCLE].shape[1])
    drawn, alone = (pictures(images[group], shown) for group in (ONE_CIRCLE, without(ONE_CIRCLE)))
    labels = [fill(prompt, LINE) for prompt in requests.part(shown).prompts]
    return Panel(
        [list(row) for row in zip(hints, drawn, alone, strict=True)], labels, ["control image", "with", "without"]
    )


def pictures(images: NDArray[np.uint8], numbers: range) -> list[Image.Image]:
    """The images (N, S, S, 3) uint8 with the indices `numbers`, as PIL images."""
    return [Image.fromarray(images[number]) for number in numbers]


def _hints(requests: CircleConditions, size: int) -> list[Image.Image]:
    return to_pil(unit_to_uint8(requests.hints(size)))


def save_convergence(metrics: dict[str, Any], path: Path, inputs: Sequence[Path]) -> None:
    """Plot the metrics over training steps and write the figure."""
    title = "ControlNet convergence"
    save_curves(_plots(metrics["steps"], "training steps"), title, path, "evaluate_controlnet", inputs)


def save_scales(metrics: dict[str, Any], path: Path, inputs: Sequence[Path]) -> None:
    """Plot the metrics over the conditioning scale and write the figure."""
    title = "Effect of the conditioning scale"
    save_curves(_plots(metrics["scales"], "conditioning scale"), title, path, "evaluate_controlnet", inputs)


def _plots(measured: dict[str, Any], x_label: str) -> list[Plot]:
    """Plots of IoU and color errors for circles, or of the edge F1 for pairs."""
    x = [float(key) for key in measured]

    def curve(key: str, label: str) -> Curve:
        return Curve.of(label, x, [values[key] for values in measured.values()])

    if all("edge_f1" in values for values in measured.values()):
        return [Plot("edges shared with the real image", x_label, "F1", [curve("edge_f1", "F1")])]
    colors = [curve("circle_delta_e", "circle"), curve("background_delta_e", "background")]
    return [
        Plot("overlap with the conditioning image", x_label, "IoU", [curve("iou", "IoU")]),
        Plot("color", x_label, "CIEDE2000", colors),
    ]
