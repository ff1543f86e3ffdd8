"""What the small CLIP never saw, drawn as a labelled folder: pairs of colours, and digits in colours, kept from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.random import Generator
from PIL import Image
from torch import Tensor

from difflab.circles.pairs import Pair
from difflab.circles.rendering import draw_images, to_bytes
from difflab.circles.scenes import paint, place_circles
from difflab.clip.digits import colour_digits
from difflab.clip.inks import NUMERALS, Ink
from difflab.config.language import UnseenImagesParams
from difflab.data.dataset import ImageDataset
from difflab.zero_shot.folder import IMAGES, LABELS

Draw = Callable[[Generator], Tensor]  # one image (3, S, S) uint8


def unseen_circles(pairs: Sequence[Pair], size: int) -> dict[str, Draw]:
    """By label: a circle of one colour anywhere on a background of another."""

    def drawing(pair: Pair) -> Draw:
        return lambda generator: to_bytes(draw_images(place_circles(1, generator)[None], paint(pair)[None], size))[0]

    return {f"{circle} circle on {background}": drawing((circle, background)) for circle, background in pairs}


def unseen_digits(inks: Sequence[Ink], digits: ImageDataset, size: int) -> dict[str, Draw]:
    """By label: one of `digits` in a colour."""

    def drawing(colour: str, numeral: str) -> Draw:
        images = digits.with_labels([NUMERALS.index(numeral)]).images
        return lambda generator: colour_digits(images[generator.integers(len(images))][None], [colour], size)[0]

    return {f"{colour} {numeral}": drawing(colour, numeral) for colour, numeral in inks}


def write_labelled_folder(folder: Path, drawings: dict[str, Draw], params: UnseenImagesParams) -> None:
    """`images_per_class` images of each label; image i of class c depends on (seed, c, i) alone."""
    (folder / IMAGES).mkdir(parents=True)
    labels = {str(number): label.replace(" ", "_") for number, label in enumerate(drawings)}
    (folder / LABELS).write_text(json.dumps(labels, indent=1) + "\n", encoding="utf-8")
    for number, draw in enumerate(drawings.values()):
        for index in range(params.images_per_class):
            image = draw(np.random.default_rng([params.seed, number, index]))
            file = folder / IMAGES / f"{number}_{index:03d}.png"
            Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()).save(file)
