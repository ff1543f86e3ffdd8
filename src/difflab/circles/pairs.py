"""Which colours meet in a scene, and which of these meetings training never sees."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from difflab.config.data import CirclesParams
from difflab.data.colors import contrasts
from difflab.errors import UserError

Pair = tuple[str, str]  # circle, background


@dataclass(frozen=True)
class Meetings:
    """The colours of scenes of one circle (circle, background), and of two (circle, second circle, background)."""

    pairs: list[Pair]
    triples: list[tuple[str, str, str]]


def make_meetings(params: CirclesParams) -> tuple[Meetings, Meetings]:
    """Those of training, and those of validation, which share no pair of circle and background.

    Colours meet that are `min_contrast` apart at least; of these pairs the share `unseen_pairs`, drawn from `seed`, is
    validation's. Raises UserError when either has no scene of one circle or of two.
    """
    colours, far = params.colours, contrasts(params.colours) >= params.min_contrast
    pairs = [(colours[circle], colours[background]) for circle, background in np.argwhere(far)]
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


def _meetings(pairs: list[Pair], apart: set[Pair]) -> Meetings:
    circles_on: dict[str, list[str]] = {}
    for circle, background in pairs:
        circles_on.setdefault(background, []).append(circle)
    triples = [
        (circle, second, background)
        for background, circles in circles_on.items()
        for circle, second in permutations(circles, 2)
        if (circle, second) in apart
    ]
    return Meetings(pairs, triples)
