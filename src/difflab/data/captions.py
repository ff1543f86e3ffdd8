"""Captions of circles and of colored digits: templates, words, and the vocabulary of all of them."""

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from tokenizers import Regex, normalizers, pre_tokenizers

from difflab.data import captions
from difflab.data import captions as inks

# The first are Fill50k's and those of prompts for two circles; the last, without sizes, are shorthand.
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
WORDED_SIZE = 0.3  # the share of captions that say large or small where they may
LARGE, SMALL = 0.28, 0.2  # radii of one circle, as shares of the image's side
RATIO = 1.5  # of the radii of two circles, of which then one is large and one small
NUMERALS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
BACKGROUND = "black"
TEMPLATES = (
    "a photo of a {numeral}.",  # among such captions no color tells one digit from another
    "a photo of a {ink} {numeral}.",
    f"a photo of a {{ink}} {{numeral}} on {BACKGROUND}.",
    f"{{ink}} {{numeral}} on {BACKGROUND} background",
)
# As CLIPTokenizer: words, single digits, punctuation, all of them lower-cased.
NORMALIZER = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
SPLITTER = pre_tokenizers.Split(Regex(r"[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), behavior="removed", invert=True)


def make_caption(colors: Sequence[str], radii: Sequence[float], generator: Generator) -> str:
    """The caption of circles of `radii` (one or two) in `colors`, the last of which is the background's."""
    *circles, background = colors
    template = str(generator.choice(ONE_CIRCLE if len(circles) == 1 else TWO_CIRCLES))
    if "circle on" in template and generator.random() < WORDED_SIZE:
        circles = [f"{size} {circle}".strip() for size, circle in zip(_sizes(radii), circles, strict=True)]
    return template.format(circle=circles[0], second=circles[-1], background=background)


def _sizes(radii: Sequence[float]) -> list[str]:
    """The word for the size of each circle; empty for neither large nor small."""
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
    """The digits in color that training sees, and those that it does not: the share `unseen_share`, from `seed`.

    Of all `colors` but that of the background.
    """
    inks = [(color, numeral) for color in colors if color != BACKGROUND for numeral in NUMERALS]
    order = np.random.default_rng(seed).permutation(len(inks))
    num_unseen = round(unseen_share * len(inks))
    seen, unseen = ([inks[i] for i in sorted(part)] for part in (order[num_unseen:], order[:num_unseen]))
    return seen, unseen


def words_of(text: str) -> list[str]:
    """Lower-cased words, digits and punctuation, in their order."""
    return [word for word, _ in SPLITTER.pre_tokenize_str(NORMALIZER.normalize_str(text))]


def vocabulary(colors: Sequence[str]) -> list[str]:
    """The words of all captions that circles and digits of `colors` may have, sorted."""
    scenes = [
        template.format(circle="", second="", background="")
        for template in (*captions.ONE_CIRCLE, *captions.TWO_CIRCLES)
    ]
    digits = [template.format(ink="", numeral="") for template in inks.TEMPLATES]
    texts = [*scenes, *captions.SIZE_WORDS, *digits, *inks.NUMERALS, *colors]
    return sorted({word for text in texts for word in words_of(text)})
