"""Digits in colour: how captions name them, and which of them training sees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

NUMERALS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
BACKGROUND = "black"
TEMPLATES = (
    "a photo of a {numeral}.",  # among such captions no colour tells one digit from another
    "a photo of a {ink} {numeral}.",
    f"a photo of a {{ink}} {{numeral}} on {BACKGROUND}.",
    f"{{ink}} {{numeral}} on {BACKGROUND} background",
)
Ink = tuple[str, str]  # the colour of a digit and its numeral


def split_inks(colours: Sequence[str], unseen_share: float, seed: int) -> tuple[list[Ink], list[Ink]]:
    """The digits in colour that training sees, and those that it does not: the share `unseen_share`, from `seed`.

    Of all `colours` but that of the background.
    """
    inks = [(colour, numeral) for colour in colours if colour != BACKGROUND for numeral in NUMERALS]
    order = np.random.default_rng(seed).permutation(len(inks))
    num_unseen = round(unseen_share * len(inks))
    seen, unseen = ([inks[i] for i in sorted(part)] for part in (order[num_unseen:], order[:num_unseen]))
    return seen, unseen
