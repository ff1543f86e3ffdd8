"""Folders of labeled images: `val/{class}_{index}.png`, or other formats, and `id2label.json` with class names."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.random import Generator
from torch import Tensor

from difflab.config.data import CirclesParams
from difflab.config.language import ColoredDigitsParams, UnseenImagesParams
from difflab.data.captions import NUMERALS, ColoredDigit, split_colored_digits
from difflab.data.circles import paint, place_circles, render_images
from difflab.data.colors import Pair, color_digits, make_color_pairs
from difflab.data.dataset import ImageDataset
from difflab.data.image_files import find_images
from difflab.data.pixels import to_pil, to_uint8
from difflab.models.safe_loading import refusal
from difflab.pipeline.files import atomic_write

LABELS, IMAGES = "id2label.json", "val"


@dataclass(frozen=True)
class LabeledFolder:
    """N files and C classes. `labels` (C) are the class names; `ids` (C) the class ids, in increasing order.

    `files` (N) are sorted by class and index; `classes` (N) are their indices into `labels`. Two classes may have the
    same label: ImageNet's 134 and 517 are both "crane".
    """

    labels: list[str]
    files: list[Path]
    classes: list[int]
    ids: list[int]

    @property
    def names(self) -> list[str]:
        """A unique name for each class: its label, with its id if the label is not unique."""
        counts = Counter(self.labels)
        with_ids = [f"{label} ({id_})" for label, id_ in zip(self.labels, self.ids, strict=True)]
        names = [name if counts[label] > 1 else label for label, name in zip(self.labels, with_ids, strict=True)]
        return names if len(set(names)) == len(names) else with_ids

    @property
    def shared_labels(self) -> dict[str, list[str]]:
        """For each label that several classes have, the ids of these classes."""
        counts = Counter(self.labels)
        ids = {label: [] for label, count in counts.items() if count > 1}
        for label, id_ in zip(self.labels, self.ids, strict=True):
            if label in ids:
                ids[label].append(str(id_))
        return ids


def read_labeled_folder(folder: str | Path) -> LabeledFolder:
    """Read a folder of labeled images; underscores in labels become spaces.

    Raises UserError when id2label.json is missing or not a JSON object of names, there are no images, or the class of
    an image has no name.
    """
    folder = Path(folder)
    names = _read_names(folder / LABELS)
    numbers = sorted(names)
    found = [(file, re.fullmatch(r"([0-9]+)_([0-9]+)", file.stem)) for file in find_images(folder / IMAGES)]
    for file, match in found:
        if not match or int(match[1]) not in names:
            raise refusal(str(file), "no class", f"CLASS_INDEX{file.suffix}, CLASS being one of {LABELS}")
    keyed = sorted((int(match[1]), int(match[2]), file) for file, match in found if match)
    for (*image, file), (*other, another) in pairwise(keyed):
        if image == other:
            raise refusal(str(another), f"{file.name}, of the same class and index", "each image once")
    return LabeledFolder(
        [names[number].replace("_", " ") for number in numbers],
        [file for _, _, file in keyed],
        [numbers.index(number) for number, _, _ in keyed],
        numbers,
    )


def _read_names(path: Path) -> dict[int, str]:
    """The class names by id. Raises UserError."""
    allowed = 'a JSON object such as {"0": "tabby", "1": "cougar"}'
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=tuple)
    except FileNotFoundError:
        raise refusal(str(path), "no such file", allowed) from None
    except (OSError, ValueError) as error:
        raise refusal(str(path), f"{type(error).__name__}", allowed) from None
    if not isinstance(entries, tuple) or not entries:
        raise refusal(str(path), "no object, or an empty one", allowed)
    keys, names = {}, {}
    for key, name in entries:
        if not re.fullmatch("[0-9]{1,9}", key):
            raise refusal(f"{path}: {key!r}", "no id of a class", "digits, as the files' names begin with")
        if not isinstance(name, str) or not name.strip("_ "):
            raise refusal(f"{path}: {key!r}", json.dumps(name, default=str)[:80], "the name of a class, in words")
        if (number := int(key)) in names:
            raise refusal(f"{path}: {key!r}", f"{keys[number]!r} before it, the same id", "each class once")
        keys[number], names[number] = key, name
    return names


Draw = Callable[[Generator], Tensor]  # one image (3, S, S) uint8


def unseen_circles(pairs: Sequence[Pair], size: int) -> dict[str, Draw]:
    """For each label, a function that renders a circle of that color at a random position on that background."""

    def drawing(pair: Pair) -> Draw:
        return lambda generator: to_uint8(render_images(place_circles(1, generator)[None], paint(pair)[None], size))[0]

    return {f"{circle} circle on {background}": drawing((circle, background)) for circle, background in pairs}


def unseen_digits(inks: Sequence[ColoredDigit], digits: ImageDataset, size: int) -> dict[str, Draw]:
    """For each label, a function that colors a random image of `digits` with that numeral."""

    def drawing(color: str, numeral: str) -> Draw:
        images = digits.with_labels([NUMERALS.index(numeral)]).images
        return lambda generator: color_digits(images[generator.integers(len(images))][None], [color], size)[0]

    return {f"{color} {numeral}": drawing(color, numeral) for color, numeral in inks}


def write_labeled_folder(folder: Path, drawings: dict[str, Draw], params: UnseenImagesParams) -> None:
    """Write `images_per_class` images of each label to `folder`; image i of class c depends only on (seed, c, i)."""
    (folder / IMAGES).mkdir(parents=True)
    labels = {str(number): label.replace(" ", "_") for number, label in enumerate(drawings)}
    (folder / LABELS).write_text(json.dumps(labels, indent=1) + "\n", encoding="utf-8")
    for number, draw in enumerate(drawings.values()):
        for index in range(params.images_per_class):
            image = draw(np.random.default_rng([params.seed, number, index]))
            file = folder / IMAGES / f"{number}_{index:03d}.png"
            to_pil(image[None])[0].save(file)


def write_unseen(
    folder: Path, circles: CirclesParams, digits: ColoredDigitsParams, size: int, params: UnseenImagesParams
) -> None:
    """Write `folder` with images of combinations that are not in the training data.

    These are circles in the unseen color pairs of `circles`, and handwritten digits of the test split in the unseen
    colors of `digits`. Raises DataError when prepared/sets/mnist.safetensors cannot be read.
    """
    _, unseen = make_color_pairs(circles)
    _, unseen_inks = split_colored_digits(circles.colors, digits.unseen_pairs, digits.seed)
    real_digits = ImageDataset.load(Path("prepared/sets/mnist.safetensors"), ["test"]).part("test")
    drawings = unseen_circles(unseen.pairs, size) | unseen_digits(unseen_inks, real_digits, size)
    with atomic_write(folder) as partial:
        write_labeled_folder(partial, drawings, params)
