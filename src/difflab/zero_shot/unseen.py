"""What the small CLIP never saw, drawn as a labelled folder: pairs of colours, and digits in colours, kept from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.random import Generator
from PIL import Image
from torch import Tensor

from difflab.config.data import CirclesParams
from difflab.config.language import ColouredDigitsParams, UnseenImagesParams
from difflab.data.captions import NUMERALS, ColoredDigit, split_colored_digits
from difflab.data.circles import paint, place_circles, render_images
from difflab.data.colors import Pair, color_digits, make_color_pairs
from difflab.data.dataset import ImageDataset
from difflab.data.pixels import to_uint8
from difflab.pipeline.files import atomic_write
from difflab.systems.zero_shot.labeled_folder import IMAGES, LABELS

Draw = Callable[[Generator], Tensor]  # one image (3, S, S) uint8


def unseen_circles(pairs: Sequence[Pair], size: int) -> dict[str, Draw]:
    """By label: a circle of one colour anywhere on a background of another."""

    def drawing(pair: Pair) -> Draw:
        return lambda generator: to_uint8(render_images(place_circles(1, generator)[None], paint(pair)[None], size))[0]

    return {f"{circle} circle on {background}": drawing((circle, background)) for circle, background in pairs}


def unseen_digits(inks: Sequence[ColoredDigit], digits: ImageDataset, size: int) -> dict[str, Draw]:
    """By label: one of `digits` in a colour."""

    def drawing(colour: str, numeral: str) -> Draw:
        images = digits.with_labels([NUMERALS.index(numeral)]).images
        return lambda generator: color_digits(images[generator.integers(len(images))][None], [colour], size)[0]

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


def write_unseen(
    folder: Path, circles: CirclesParams, digits: ColouredDigitsParams, size: int, params: UnseenImagesParams
) -> None:
    """Write `folder`: circles in the pairs of colours that `circles` leaves out of training, and handwritten digits in
    the colours that `digits` does, of the test split.
    """
    _, unseen = make_color_pairs(circles)
    _, unseen_inks = split_colored_digits(circles.colours, digits.unseen_pairs, digits.seed)
    real_digits = ImageDataset.load(Path("prepared/mnist.safetensors"), ["test"]).part("test")
    drawings = unseen_circles(unseen.pairs, size) | unseen_digits(unseen_inks, real_digits, size)
    with atomic_write(folder) as partial:
        write_labelled_folder(partial, drawings, params)
