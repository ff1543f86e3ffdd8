"""Images and captions that the small CLIP learns from: circles, and digits in colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from difflab.circles.pairs import Pair
from difflab.circles.rendering import draw_images, to_bytes
from difflab.circles.scenes import Scenes
from difflab.clip.digits import NUMERALS, Ink, colour_digits, make_digit_caption
from difflab.data.dataset import ImageDataset

RENDERED = 1000  # scenes at a time: as float32 all of them would fill the memory


@dataclass(frozen=True)
class CaptionedImages:
    """`images` (N, 3, S, S) uint8, N `captions`, and `contents` (N,) int64, equal where images show the same."""

    images: Tensor
    captions: list[str]
    contents: Tensor

    def __add__(self, other: CaptionedImages) -> CaptionedImages:
        """Both, none of which show the same."""
        contents = torch.cat([self.contents, other.contents + self.contents.max() + 1])
        return CaptionedImages(torch.cat([self.images, other.images]), self.captions + other.captions, contents)


def captioned_circles(scenes: Scenes, size: int) -> CaptionedImages:
    """Scenes of equal colours show the same."""
    parts = zip(scenes.geometry.split(RENDERED), scenes.colours.split(RENDERED), strict=True)
    images = torch.cat([to_bytes(draw_images(geometry, colours, size)) for geometry, colours in parts])
    _, contents = scenes.colours.flatten(1).unique(dim=0, return_inverse=True)
    return CaptionedImages(images, scenes.captions, contents)


def captioned_digits(digits: ImageDataset, inks: list[Ink], pairs: list[Pair], size: int, seed: int) -> CaptionedImages:
    """Each of `digits` in a colour that `inks` has for it, on a background that `pairs` has for that; from `seed`.

    Digits of equal numeral, ink and background show the same.
    """
    choices = {numeral: [pair for pair in pairs if (pair[0], numeral) in inks] for numeral in NUMERALS}
    colours, captions, shown = [], [], []
    for index, label in enumerate(digits.labels.tolist()):
        generator, numeral = np.random.default_rng([seed, index]), NUMERALS[label]
        ink, background = choices[numeral][generator.integers(len(choices[numeral]))]
        colours.append((ink, background))
        captions.append(make_digit_caption((ink, numeral), background, generator))
        shown.append((ink, numeral, background))
    _, contents = np.unique(np.array(shown), axis=0, return_inverse=True)
    return CaptionedImages(
        colour_digits(digits.images, colours, size), captions, torch.from_numpy(contents.reshape(-1))
    )
