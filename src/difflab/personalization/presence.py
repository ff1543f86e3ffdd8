"""Whether an image shows a concept that is a colour: enough pixels near it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from difflab.config.language import PresenceParams
from difflab.data.colors import rgb


def shows_colour(images: Tensor, colour: str, params: PresenceParams) -> Tensor:
    """(N,) bool: whether `min_share` of the pixels of each image (N, 3, H, W) uint8 are near enough to the colour.

    Near is a CIEDE2000 of `max_delta_e` at most (Sharma, Wu & Dalal 2005).
    """
    from skimage.color import deltaE_ciede2000, rgb2lab

    pixels = rgb2lab(images.permute(0, 2, 3, 1).numpy())
    differences = deltaE_ciede2000(pixels, rgb2lab(np.full((1, 1, 1, 3), rgb(colour), dtype=np.uint8)))
    return torch.from_numpy((differences <= params.max_delta_e).mean(axis=(1, 2)) >= params.min_share)
