"""Scenes of coloured circles."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from difflab.config.section import NumImages, Probability, Section, Seed, Share
from difflab.validation import refuse


def _known_to_css(names: list[str]) -> list[str]:
    """Refuse a list with a name that CSS does not have, or with two names of one colour."""
    from PIL.ImageColor import colormap, getrgb

    seen: dict[tuple[int, ...], str] = {}
    for name in names:
        if (joined := name.replace(" ", "")) not in colormap:
            raise refuse("", name, "a colour name of CSS, in words, such as light coral")
        if (value := getrgb(joined)) in seen:
            raise refuse("", name, f"another name, because it is the colour of {seen[value]}")
        seen[value] = name
    return names


ColourNames = Annotated[list[str], AfterValidator(_known_to_css)]  # CSS's, split into words: light coral


class CirclesParams(Section):
    seed: Seed
    num_train: NumImages  # scenes
    num_validation: NumImages
    two_circles: Probability  # the share of scenes with a second circle
    colours: Annotated[ColourNames, Field(min_length=4)]
    held_out_colours: ColourNames  # in no scene and no caption: new concepts to learn
    unseen_pairs: Share  # of pairs of circle and background: validation's alone
    min_contrast: Annotated[float, Field(ge=0, le=100)]  # CIEDE2000 between what meets in a scene

    @model_validator(mode="after")
    def _held_out_colours_are_others(self) -> Self:
        if both := set(self.held_out_colours) & set(self.colours):
            raise refuse("held_out_colours", min(both), "colours that circles.colours does not name")
        return self
