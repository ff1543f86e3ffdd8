"""Named CSS colors, their contrasts, which of them share a scene, and digits in color."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.ImageColor import colormap, getrgb
from torch import Tensor
from torch.nn import functional as F

from difflab.config.data import CirclesParams
from difflab.data.captions import BACKGROUND
from difflab.errors import UserError


def rgb(name: str) -> tuple[int, int, int]:
    """The sRGB bytes of a CSS color, its name in words."""
    red, green, blue, *_ = getrgb(name.replace(" ", ""))
    return red, green, blue


def contrasts(names: Sequence[str]) -> NDArray[np.float64]:
    """(C, C): CIEDE2000 between the colors (Sharma, Wu & Dalal 2005); 2 is just seen, 100 is black against white."""

    from skimage.color import deltaE_ciede2000, rgb2lab

    lab = rgb2lab(np.array([rgb(name) for name in names], dtype=np.uint8))
    return deltaE_ciede2000(lab[:, None], lab[None])


def farthest_colors(names: Sequence[str], count: int) -> list[str]:
    """`count` CSS colors, each the farthest (CIEDE2000) from its nearest of `names` and of those chosen before it.

    Their names are CSS's, in one word; of equal colors the first in alphabetical order.
    """
    every = sorted(colormap)
    distances = contrasts([*every, *names])
    nearest = distances[: len(every), len(every) :].min(1)
    chosen: list[int] = []
    for _ in range(count):
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, distances[: len(every), chosen[-1]])
    return [every[i] for i in chosen]


Pair = tuple[str, str]  # circle, background


@dataclass(frozen=True)
class ColorPairs:
    """The colors of scenes of one circle (circle, background), and of two (circle, second circle, background)."""

    pairs: list[Pair]
    triples: list[tuple[str, str, str]]


def make_color_pairs(params: CirclesParams) -> tuple[ColorPairs, ColorPairs]:
    """Those of training, and those of validation, which share no pair of circle and background.

    Colors meet that are `min_contrast` apart at least; of these pairs the share `unseen_pairs`, drawn from `seed`, is
    validation's. Raises UserError when either has no scene of one circle or of two.
    """
    colors, far = params.colors, contrasts(params.colors) >= params.min_contrast
    pairs = [(colors[circle], colors[background]) for circle, background in np.argwhere(far)]
    order = np.random.default_rng(params.seed).permutation(len(pairs))
    num_unseen = round(params.unseen_pairs * len(pairs))
    apart = set(pairs)
    seen, unseen = (
        _meetings([pairs[i] for i in sorted(part)], apart) for part in (order[num_unseen:], order[:num_unseen])
    )
    if not (seen.triples and unseen.triples):
        raise UserError(
            f"circles.min_contrast, unseen_pairs: found {params.min_contrast:g}, {params.unseen_pairs:g}, which leave "
            f"{len(seen.triples)} and {len(unseen.triples)} scenes of two circles, allowed: some in either split"
        )
    return seen, unseen


def _meetings(pairs: list[Pair], apart: set[Pair]) -> ColorPairs:
    circles_on: dict[str, list[str]] = {}
    for circle, background in pairs:
        circles_on.setdefault(background, []).append(circle)
    triples = [
        (circle, second, background)
        for background, circles in circles_on.items()
        for circle, second in permutations(circles, 2)
        if (circle, second) in apart
    ]
    return ColorPairs(pairs, triples)


def color_digits(digits: Tensor, colors: Sequence[str], size: int) -> Tensor:
    """(N, 3, size, size) uint8 of `digits` (N, 3, S, S) uint8, white on black, in N `colors` on BACKGROUND."""
    gray = digits[:, :1].float() / 255
    shares = F.interpolate(gray, size=(size, size), mode="bilinear", antialias=True)
    inks = torch.tensor([rgb(name) for name in colors]).float()[:, :, None, None]
    background = torch.tensor(rgb(BACKGROUND)).float()[:, None, None]
    return torch.lerp(background, inks, shares).round().to(torch.uint8)
