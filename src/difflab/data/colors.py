"""Named CSS colors, their contrasts, the color pairs of scenes, and colored digits."""

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
    """The sRGB values, 0-255, of a CSS color; its name may be split into words ("light blue")."""
    red, green, blue, *_ = getrgb(name.replace(" ", ""))
    return red, green, blue


def contrasts(names: Sequence[str]) -> NDArray[np.float64]:
    """CIEDE2000 between all pairs of colors, (C, C): about 2 is just visible, 100 is black on white.

    (Sharma, Wu & Dalal 2005.)
    """
    from skimage.color import deltaE_ciede2000, rgb2lab

    lab = rgb2lab(np.array([rgb(name) for name in names], dtype=np.uint8))
    return deltaE_ciede2000(lab[:, None], lab[None])


def farthest_colors(names: Sequence[str], count: int) -> list[str]:
    """Choose `count` CSS colors greedily: each maximizes the smallest CIEDE2000 to `names` and to those chosen before.

    The names are CSS's, in one word; of equal colors, the alphabetically first is chosen.
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
    """Colors of scenes with one circle (circle, background) and with two (circle, second circle, background)."""

    pairs: list[Pair]
    triples: list[tuple[str, str, str]]


def make_color_pairs(params: CirclesParams) -> tuple[ColorPairs, ColorPairs]:
    """Color pairs for training and for validation; no pair of circle and background is in both.

    All pairs have a contrast of at least `min_contrast`. The share `unseen_pairs` of them, chosen at random from
    `seed`, is for validation. Raises UserError when either has no scene with two circles.
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
    """Color and resize N digits, one color each, on BACKGROUND: (N, 3, size, size) uint8.

    `digits`: (N, 3, S, S) uint8, white on black.
    """
    gray = digits[:, :1].float() / 255
    shares = F.interpolate(gray, size=(size, size), mode="bilinear", antialias=True)
    inks = torch.tensor([rgb(name) for name in colors]).float()[:, :, None, None]
    background = torch.tensor(rgb(BACKGROUND)).float()[:, None, None]
    return torch.lerp(background, inks, shares).round().to(torch.uint8)
