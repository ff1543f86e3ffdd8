"""Captions of circles and of colored digits: templates, vocabulary and the split into seen and unseen digits."""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from tokenizers import Regex, normalizers, pre_tokenizers

from difflab.data import captions
from difflab.data import captions as inks

# The first is Fill50k's, or that of the prompts for two circles; the last is a short form without sizes.
ONE_CIRCLE = (
    "{circle} circle with {background} background",
    "{circle} circle on {background} background",
    "a photo of a {circle} circle on {background}.",
    "a {circle} in the style of {background}",
)
TWO_CIRCLES = (
    "{circle} circle and {second} circle on {background} background",
    "a {circle} circle next to a {second} circle on {background} background",
    "a photo of a {circle} circle and a {second} circle on {background}.",
    "a {circle} next to a {second}",
)
SIZE_WORDS = ("large", "small")
WORDED_SIZE = 0.3  # share of captions with a size word, among templates that allow one
LARGE, SMALL = 0.28, 0.2  # radii of one circle, as shares of the image's side
RATIO = 1.5  # of two radii; from here on, captions can call one circle large and the other small
NUMERALS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
BACKGROUND = "black"
TEMPLATES = (
    "a photo of a {numeral}.",  # without a color, so that the shape has to tell the digits apart
    "a photo of a {ink} {numeral}.",
    f"a photo of a {{ink}} {{numeral}} on {BACKGROUND}.",
    f"{{ink}} {{numeral}} on {BACKGROUND} background",
)
# As in CLIPTokenizer: lower-cased words, single digits and punctuation.
NORMALIZER = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
SPLITTER = pre_tokenizers.Split(Regex(r"[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), behavior="removed", invert=True)


def make_caption(colors: Sequence[str], radii: Sequence[float], generator: Generator) -> str:
    """A random caption for one or two circles.

    `colors`: of the circles, then of the background; `radii`: of the circles, in units of the image's side.
    """
    *circles, background = colors
    template = str(generator.choice(ONE_CIRCLE if len(circles) == 1 else TWO_CIRCLES))
    if "circle on" in template and generator.random() < WORDED_SIZE:
        circles = [f"{size} {circle}".strip() for size, circle in zip(_sizes(radii), circles, strict=True)]
    return template.format(circle=circles[0], second=circles[-1], background=background)


def _sizes(radii: Sequence[float]) -> list[str]:
    """The size word of each circle; empty if it is neither large nor small."""
    large, small = SIZE_WORDS
    if len(radii) == 1:
        return [large if radii[0] > LARGE else small if radii[0] < SMALL else ""]
    if max(radii) < RATIO * min(radii):
        return ["", ""]
    return [large if radius == max(radii) else small for radius in radii]


ColoredDigit = tuple[str, str]  # the color of a digit and its numeral


def split_colored_digits(
    colors: Sequence[str], unseen_share: float, seed: int
) -> tuple[list[ColoredDigit], list[ColoredDigit]]:
    """Split all combinations of color and numeral at random into seen and unseen in training.

    `unseen_share`, in [0, 1], is the share of the unseen ones. The background's color is not used for digits.
    """
    inks = [(color, numeral) for color in colors if color != BACKGROUND for numeral in NUMERALS]
    order = np.random.default_rng(seed).permutation(len(inks))
    num_unseen = round(unseen_share * len(inks))
    seen, unseen = ([inks[i] for i in sorted(part)] for part in (order[num_unseen:], order[:num_unseen]))
    return seen, unseen


def words_of(text: str) -> list[str]:
    """Lower-cased words, digits and punctuation, in order."""
    return [word for word, _ in SPLITTER.pre_tokenize_str(NORMALIZER.normalize_str(text))]


def vocabulary(colors: Sequence[str]) -> list[str]:
    """All words that captions of circles and digits in `colors` can contain, sorted."""
    scenes = [
        template.format(circle="", second="", background="")
        for template in (*captions.ONE_CIRCLE, *captions.TWO_CIRCLES)
    ]
    digits = [template.format(ink="", numeral="") for template in inks.TEMPLATES]
    texts = [*scenes, *captions.SIZE_WORDS, *digits, *inks.NUMERALS, *colors]
    return sorted({word for text in texts for word in words_of(text)})
