"""The faces: one diffusion, sampled from given noises and on paths between two of them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from difflab.config.diffusion import Diffusion, SamplerParams
from difflab.config.section import EachOnce, Probability, Section, Seed, Text
from difflab.validation import refuse

MAX_NOISES = 10_000  # of 256×256 they fill 8 GB


class FaceSamplingParams(SamplerParams):
    noises: Text | None  # folder of starting noises 00.pt, 01.pt, …; null: those of the noise bank
    num_noises: Annotated[int, Field(ge=1, le=MAX_NOISES)]
    etas: Annotated[list[Probability], Field(min_length=1), EachOnce]
    step_seeds: Annotated[list[Seed], Field(min_length=1), EachOnce]  # of the noise of the steps, which η > 0 adds
    min_max_rescale: bool  # stretch each image to its own smallest and largest number; false: [-1, 1] is 0-255

    @model_validator(mode="after")
    def _seeds_are_other_noise(self) -> Self:
        if self.seed in self.step_seeds:
            raise refuse("step_seeds", self.step_seeds, f"seeds other than sampling.seed = {self.seed}")
        return self

    @model_validator(mode="after")
    def _some_are_deterministic(self) -> Self:
        if 0 not in self.etas:
            raise refuse("etas", self.etas, "0 among them, whose images the others are compared with")
        return self

    @model_validator(mode="after")
    def _only_ddim_has_eta(self) -> Self:
        if self.sampler != "ddim":
            raise refuse("sampler", self.sampler, "ddim, which has an η")
        return self


PathName = Literal["slerp", "lerp"]


class FaceInterpolationParams(Section):
    # From this one to that one.
    noises: Annotated[list[Annotated[int, Field(ge=0, lt=MAX_NOISES)]], Field(min_length=2, max_length=2), EachOnce]
    num_images: Annotated[int, Field(ge=3, le=1000)]  # at equal steps of α from 0 to 1


class FacesParams(Diffusion):
    checkpoint: Text | None  # null: train the small model below; else a folder or hub id of diffusers, or a UNet.pt
    sampling: FaceSamplingParams
    interpolation: FaceInterpolationParams
    reference: Text | None  # folder of images 00.png, 01.png, … that those of η = 0 should equal

    @model_validator(mode="after")
    def _the_ends_are_sampled(self) -> Self:
        for number in self.interpolation.noises:
            if number >= self.sampling.num_noises:
                allowed = f"numbers below sampling.num_noises = {self.sampling.num_noises}"
                raise refuse("interpolation.noises", self.interpolation.noises, allowed)
        return self
