"""ControlNet: what it is trained on, and the hints and prompts that it is shown."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from difflab.config.section import EachOnce, NonNegative, NumImages, Probability, Section, Share, Text, Widths
from difflab.config.text_to_image import GuidedSamplingParams
from difflab.config.training import TrainingParams
from difflab.validation import refuse

Circle = Annotated[list[Share], Field(min_length=3, max_length=3)]  # x, y, radius, of the image's side


class TwoCirclesParams(Section):
    """A hint of two circles, and the prompt for it."""

    prompt: Text
    circles: Annotated[list[Circle], Field(min_length=2, max_length=2)]
    colours: Annotated[list[str], Field(min_length=3, max_length=3)]  # of the two circles and of the background
    any_order: bool  # whether the prompt leaves open which circle has which colour

    @model_validator(mode="after")
    def _colours_are_css(self) -> Self:
        from PIL.ImageColor import colormap

        for name in self.colours:
            if name.replace(" ", "") not in colormap:
                raise refuse("colours", name, "a colour name of CSS, in words, such as light coral")
        return self


class ControlSamplesParams(Section):
    """What is drawn to be measured."""

    num_one_circle: NumImages  # held-out hints of one circle, each with its caption and a noise of its own
    num_two_circles: NumImages  # noises for each hint of two circles
    two_circles: Annotated[list[TwoCirclesParams], Field(min_length=1)]
    num_compared: NumImages  # of the one-circle hints, for each training step and each conditioning scale
    conditioning_scales: Annotated[list[NonNegative], Field(min_length=1), EachOnce]

    @model_validator(mode="after")
    def _some_of_them_are_compared(self) -> Self:
        if self.num_compared > self.num_one_circle:
            raise refuse("num_compared", self.num_compared, f"integer ≤ num_one_circle = {self.num_one_circle}")
        return self


class ControlNetParams(Section):
    hint_channels: Widths  # each level but the last halves the hint: as many as the autoencoder halves the image
    drop_probability: Probability  # of training without the caption, so that the hint has to do
    training: TrainingParams
    sampling: GuidedSamplingParams
    samples: ControlSamplesParams

    @model_validator(mode="after")
    def _steps_are_compared(self) -> Self:
        if not self.training.num_snapshots:
            raise refuse("training.num_snapshots", 0, "integer ≥ 1: the curve against training steps is made of them")
        return self
