"""Training data and contrastive objective of the small CLIP."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import CLIPModel

from difflab.data.captions import BACKGROUND, NUMERALS, TEMPLATES, ColoredDigit
from difflab.data.circles import Scenes, render_images
from difflab.data.colors import color_digits, rgb
from difflab.data.dataset import ImageDataset
from difflab.data.pixels import to_signed, to_uint8
from difflab.models.task import Task

RENDERED = 1000  # scenes at once, to bound the memory
UNSAID = -1
MAX_LOGIT_SCALE = math.log(100)  # Radford et al. 2021, section 2.5


@dataclass(frozen=True)
class CaptionedImages:
    """`images` (N, 3, S, S) uint8, N `captions`, and the content of both: `shown` and `said`, (N, 3) int64.

    `shown`: numbers that encode circle, second circle and background, or color, numeral and background of an image.
    `said`: the same for the caption, UNSAID if not mentioned. A caption is true of an image that shows all it says.
    """

    images: Tensor
    captions: list[str]
    shown: Tensor
    said: Tensor

    def __add__(self, other: "CaptionedImages") -> "CaptionedImages":
        return CaptionedImages(
            torch.cat([self.images, other.images]),
            self.captions + other.captions,
            torch.cat([self.shown, other.shown]),
            torch.cat([self.said, other.said]),
        )


def captioned_circles(scenes: Scenes, size: int) -> CaptionedImages:
    """Render scenes with their captions.

    `said` also has what a caption omits, such as the background in short captions. So some captions that are true of
    another image too count as wrong for it.
    """
    parts = zip(scenes.geometry.split(RENDERED), scenes.colors.split(RENDERED), strict=True)
    images = torch.cat([to_uint8(render_images(geometry, colors, size)) for geometry, colors in parts])
    shown = _number_of(scenes.colors)
    return CaptionedImages(images, scenes.captions, shown, shown)


def captioned_digits(digits: ImageDataset, inks: list[ColoredDigit], size: int, seed: int) -> CaptionedImages:
    """Color each of `digits` in a random color that `inks` allows for its numeral; digit i depends on (seed, i)."""
    colors_of = {numeral: [color for color, other in inks if other == numeral] for numeral in NUMERALS}
    colors, captions, named = [], [], []
    for index, label in enumerate(digits.labels.tolist()):
        generator, numeral = np.random.default_rng([seed, index]), NUMERALS[label]
        color, template = (str(generator.choice(options)) for options in (colors_of[numeral], TEMPLATES))
        colors.append(color)
        captions.append(template.format(ink=color, numeral=numeral))
        named.append(["{ink}" in template, True, BACKGROUND in template])
    ink, background = _number_of(torch.tensor([[rgb(color), rgb(BACKGROUND)] for color in colors])).unbind(1)
    shown = torch.stack([ink, 2**24 + digits.labels, background], dim=1)  # no color has a numeral's number
    said = shown.where(torch.tensor(named), UNSAID)
    return CaptionedImages(color_digits(digits.images, colors, size), captions, shown, said)


def _number_of(colors: Tensor) -> Tensor:
    """Encode sRGB colors (N, K, 3) uint8 as numbers (N, K) int64."""
    return (colors.long() * torch.tensor([2**16, 2**8, 1])).sum(2)


class ContrastiveTask(Task):
    """Symmetric cross-entropy of the similarities of a batch's images and captions (Radford et al. 2021, figure 3).

    The target of each image is its own caption. Other captions that are also true of it are excluded from the loss.
    """

    joins_images = True

    def __init__(self, clip: CLIPModel):
        super().__init__()
        self.clip = clip

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """The mean loss of `images` (N, 3, S, S) uint8, `tokens` (N, L), `shown` and `said` (N, K) int64.

        `shown` and `said` are as in CaptionedImages.
        """
        embeddings = self.clip(input_ids=inputs["tokens"], pixel_values=to_signed(inputs["images"]))
        scale = self.clip.logit_scale.clamp(max=MAX_LOGIT_SCALE).exp()
        logits = scale * embeddings.image_embeds.float() @ embeddings.text_embeds.float().T
        return symmetric_cross_entropy(logits, are_true(inputs["said"], inputs["shown"]))


def are_true(said: Tensor, shown: Tensor) -> Tensor:
    """Whether image i shows all that caption j says, for `said` and `shown` (N, K): (N, N) bool."""
    return ((said == shown[:, None]) | (said == UNSAID)).all(2)


def symmetric_cross_entropy(logits: Tensor, true: Tensor) -> Tensor:
    """Symmetric cross-entropy of `logits` (N, N), images by captions; excludes off-diagonal entries in `true`."""
    own = torch.arange(len(logits), device=logits.device)
    logits = logits.masked_fill(true & (own[:, None] != own), -math.inf)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
