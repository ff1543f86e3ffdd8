"""What a caption says of a scene: the colours always, sizes sometimes, the place never."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.random import Generator

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


def make_caption(colours: Sequence[str], radii: Sequence[float], generator: Generator) -> str:
    """The caption of circles of `radii` (one or two) in `colours`, the last of which is the background's."""
    *circles, background = colours
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
