"""Metrics and examples of a ControlNet trained on pairs of images: agreement of edges in samples and real images."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray

from difflab.config.language import ControlSamplesParams
from difflab.data.captioned_images import read_rgb
from difflab.data.pixels import to_pil, unit_to_uint8
from difflab.evaluation.edges import MEASURES, edge_f1, edges
from difflab.evaluation.intervals import median
from difflab.figures.image_grid import Panel, save_image_grid
from difflab.systems.controlnet.conditions import PAIRS, without
from difflab.systems.controlnet.evaluation import of_compared, of_group
from difflab.systems.controlnet.figures import LINE, SCENES, pictures
from difflab.systems.controlnet.pairs import Pairs

PROTOCOL = MEASURES | {
    "interval": "of the median: 95 %, exact, from order statistics",
    "without": "the same prompts and noises without the ControlNet; step 0 is the same",
}


def pair_metrics(images: dict[str, NDArray[np.uint8]], pairs: Pairs, params: ControlSamplesParams) -> dict[str, Any]:
    """All metrics of `images` (N, S, S, 3) uint8 by group; the group PAIRS has the samples for `pairs`."""
    metrics: dict[str, Any] = {PAIRS: of_group(images, PAIRS, pairs, edge_summary)}
    metrics |= of_compared(images, PAIRS, pairs, params, edge_summary)
    return metrics | {"protocol": PROTOCOL | {"image_size": images[PAIRS].shape[1]}}


def edge_summary(images: NDArray[np.uint8], pairs: Pairs) -> dict[str, Any]:
    """Median edge F1 between `images` (N, S, S, 3) uint8 and the real images of `pairs`, with its 95 % interval."""
    targets = read_rgb(pairs.targets, images.shape[1]).permute(0, 2, 3, 1).numpy()
    found = [edge_f1(edges(image), edges(target)) for image, target in zip(images, targets, strict=True)]
    return {"edge_f1": asdict(median(np.array(found)))}


def save_pair_examples(images: dict[str, NDArray[np.uint8]], pairs: Pairs, path: Path, inputs: Sequence[Path]) -> None:
    """Write a figure with a row for each of the first pairs: prompt, conditioning image, real image and samples.

    The samples are with and without the ControlNet.
    """
    shown, size = range(min(SCENES, len(pairs))), images[PAIRS].shape[1]
    first = pairs.part(shown)
    columns = [to_pil(unit_to_uint8(first.hints(size))), to_pil(read_rgb(first.targets, size))]
    columns += [pictures(images[group], shown) for group in (PAIRS, without(PAIRS))]
    rows = [list(row) for row in zip(*columns, strict=True)]
    labels = [fill(prompt, LINE) for prompt in first.prompts]
    panel = Panel(rows, labels, ["control image", "real image", "with", "without"])
    save_image_grid([panel], "ControlNet on held-out pairs", path, "evaluate_controlnet", inputs)
