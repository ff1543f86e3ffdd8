"""What the ControlNet drew, and the curves of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from difflab.circles.rendering import draw_hints
from difflab.controlnet.requests import ONE_CIRCLE, Requests, without
from difflab.figures.curves import Curve, Plot, save_curves
from difflab.figures.image_grid import Panel, save_image_grid

SEEDS = 6  # noises that are shown
LINE = 26  # characters


def save_examples(
    images: dict[str, NDArray[np.uint8]], groups: dict[str, Requests], path: Path, inputs: Sequence[Path]
) -> None:
    """Prompt | control image | generated images for several noises, with the ControlNet and without."""
    one = [_panel(images, name, groups[name]) for name in groups if name == ONE_CIRCLE]
    two = [_rows_of_noises(images, name, groups[name]) for name in groups if name != ONE_CIRCLE]
    title = "ControlNet, trained on one circle"
    save_image_grid([*two, *one], title, path, "evaluate_controlnet", inputs)


def _rows_of_noises(images: dict[str, NDArray[np.uint8]], name: str, requests: Requests) -> Panel:
    """One prompt and hint: noises in columns, with the ControlNet and without."""
    shown = range(min(SEEDS, len(requests)))
    (hint,) = _hints(requests.part(range(1)), images[name].shape[1])
    rows = [[hint, *_pictures(images[group], shown)] for group in (name, without(name))]
    prompt = fill(requests.prompts[0], LINE)
    labels = [prompt, f"{prompt}\nwithout the ControlNet"]
    return Panel(rows, labels, ["control image", *(f"noise {number}" for number in shown)])


def _panel(images: dict[str, NDArray[np.uint8]], name: str, requests: Requests) -> Panel:
    """Held-out scenes in columns, each with its noise."""
    shown = range(min(SEEDS + 1, len(requests)))
    rows = [
        _hints(requests.part(shown), images[name].shape[1]),
        _pictures(images[name], shown),
        _pictures(images[without(name)], shown),
    ]
    prompts = [fill(prompt, 18) for prompt in requests.part(shown).prompts]
    return Panel(rows, ["control image", "generated", "without the\nControlNet"], prompts)


def _pictures(images: NDArray[np.uint8], numbers: range) -> list[Image.Image]:
    return [Image.fromarray(images[number]) for number in numbers]


def _hints(requests: Requests, size: int) -> list[Image.Image]:
    hints = (draw_hints(requests.geometry, size) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    return [Image.fromarray(hint) for hint in hints]


def save_convergence(metrics: dict[str, Any], path: Path, inputs: Sequence[Path]) -> None:
    """IoU and colour errors against the steps of training."""
    title = "ControlNet, as its training goes on"
    save_curves(_plots(metrics["steps"], "training steps"), title, path, "evaluate_controlnet", inputs)


def save_scales(metrics: dict[str, Any], path: Path, inputs: Sequence[Path]) -> None:
    """IoU and colour errors against the conditioning scale."""
    title = "How much the ControlNet says"
    save_curves(_plots(metrics["scales"], "conditioning scale"), title, path, "evaluate_controlnet", inputs)


def _plots(measured: dict[str, Any], x_label: str) -> list[Plot]:
    x = [float(key) for key in measured]
    curves = {
        key: Curve.of(label, x, [values[key] for values in measured.values()])
        for key, label in (("iou", "IoU"), ("circle_delta_e", "circle"), ("background_delta_e", "background"))
    }
    return [
        Plot("circle and hint", x_label, "IoU", [curves["iou"]]),
        Plot("colour", x_label, "CIEDE2000", [curves["circle_delta_e"], curves["background_delta_e"]]),
    ]
