"""Images and captions that the small CLIP learns from: circles, and digits in colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from difflab.data.captions import BACKGROUND, NUMERALS, TEMPLATES, ColoredDigit
from difflab.data.circles import Scenes, render_images
from difflab.data.colors import color_digits, rgb
from difflab.data.dataset import ImageDataset
from difflab.data.pixels import to_uint8

RENDERED = 1000  # scenes at a time: as float32 all of them would fill the memory
UNSAID = -1


@dataclass(frozen=True)
class CaptionedImages:
    """`images` (N, 3, S, S) uint8, N `captions`, what images show and captions say, both (N, 3) int64.

    `shown`: the numbers of circle, second circle and background, or of ink, numeral and background. `said`: the same,
    or UNSAID. A caption is true of an image that shows all that it says.
    """

    images: Tensor
    captions: list[str]
    shown: Tensor
    said: Tensor

    def __add__(self, other: CaptionedImages) -> CaptionedImages:
        return CaptionedImages(
            torch.cat([self.images, other.images]),
            self.captions + other.captions,
            torch.cat([self.shown, other.shown]),
            torch.cat([self.said, other.said]),
        )


def captioned_circles(scenes: Scenes, size: int) -> CaptionedImages:
    """Sizes and the background that shorthand leaves out count as said, so that captions are true too seldom."""
    parts = zip(scenes.geometry.split(RENDERED), scenes.colours.split(RENDERED), strict=True)
    images = torch.cat([to_uint8(render_images(geometry, colours, size)) for geometry, colours in parts])
    shown = _number_of(scenes.colours)
    return CaptionedImages(images, scenes.captions, shown, shown)


def captioned_digits(digits: ImageDataset, inks: list[ColoredDigit], size: int, seed: int) -> CaptionedImages:
    """Each of `digits` in a colour that `inks` has for it, drawn from `seed`."""
    colours_of = {numeral: [colour for colour, other in inks if other == numeral] for numeral in NUMERALS}
    colours, captions, named = [], [], []
    for index, label in enumerate(digits.labels.tolist()):
        generator, numeral = np.random.default_rng([seed, index]), NUMERALS[label]
        colour, template = (str(generator.choice(options)) for options in (colours_of[numeral], TEMPLATES))
        colours.append(colour)
        captions.append(template.format(ink=colour, numeral=numeral))
        named.append(["{ink}" in template, True, BACKGROUND in template])
    ink, background = _number_of(torch.tensor([[rgb(colour), rgb(BACKGROUND)] for colour in colours])).unbind(1)
    shown = torch.stack([ink, 2**24 + digits.labels, background], dim=1)  # no colour has a numeral's number
    said = shown.where(torch.tensor(named), UNSAID)
    return CaptionedImages(color_digits(digits.images, colours, size), captions, shown, said)


def _number_of(colours: Tensor) -> Tensor:
    """(N, K) int64 of sRGB bytes (N, K, 3)."""
    return (colours.long() * torch.tensor([2**16, 2**8, 1])).sum(2)
