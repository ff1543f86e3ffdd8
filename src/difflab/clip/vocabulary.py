"""The words that the small CLIP knows: all that a caption may have."""

from __future__ import annotations

from collections.abc import Sequence

from difflab.data import captions
from difflab.data import captions as inks
from difflab.data.captions import words_of


def vocabulary(colours: Sequence[str]) -> list[str]:
    """The words of all captions that circles and digits of `colours` may have, sorted."""
    scenes = [
        template.format(circle="", second="", background="")
        for template in (*captions.ONE_CIRCLE, *captions.TWO_CIRCLES)
    ]
    digits = [template.format(ink="", numeral="") for template in inks.TEMPLATES]
    texts = [*scenes, *captions.SIZE_WORDS, *digits, *inks.NUMERALS, *colours]
    return sorted({word for text in texts for word in words_of(text)})
