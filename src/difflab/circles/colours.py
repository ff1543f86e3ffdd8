"""The colours that captions name: CSS's, their names in words (light coral), and how far they lie apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL.ImageColor import colormap, getrgb


def rgb(name: str) -> tuple[int, int, int]:
    """The sRGB bytes of a CSS colour, its name in words."""
    red, green, blue, *_ = getrgb(name.replace(" ", ""))
    return red, green, blue


def contrasts(names: Sequence[str]) -> NDArray[np.float64]:
    """(C, C): CIEDE2000 between the colours (Sharma, Wu & Dalal 2005); 2 is just seen, 100 is black against white."""
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
