"""What is measured of the recipes, and the studies that they are put to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from difflab.params.section import PositiveInt, Section, Seed


class EvaluationParams(Section):
    seed: Seed  # of the bootstrap, and of the real images that are held against real ones
    num_resamples: PositiveInt  # of the bootstrap
    nearest_k: PositiveInt  # neighbours of precision, recall, density and coverage
    inception_weights: str | None  # file of inception-2015-12-05.pt; null: distances in the judge's features alone


class FidDrawingParams(Section):
    seeds: Annotated[list[Seed], Field(min_length=1)]  # of the noise bank
    num_images: Annotated[int, Field(ge=10)]  # for each length and seed
    batch_size: PositiveInt


class FidStudyParams(Section):
    recipe: str  # an unconditional recipe with a linear schedule
    lengths: Annotated[list[Annotated[int, Field(ge=2, le=4000)]], Field(min_length=1)]  # num_timesteps of the sampler
    drawing: FidDrawingParams


class FewStepsParams(Section):
    samplers: Annotated[list[Literal["ddim", "dpmsolver++"]], Field(min_length=1)]
    num_inference_steps: Annotated[list[PositiveInt], Field(min_length=1)]
    num_images: Annotated[int, Field(ge=10, multiple_of=10)]  # in all; with a condition as many of each digit
    batch_size: PositiveInt


class GuidanceStudyParams(Section):
    recipe: str
    guidance_scales: Annotated[list[Annotated[float, Field(ge=1)]], Field(min_length=1)]
    num_images: Annotated[int, Field(ge=10, multiple_of=10)]
    sampler: Literal["ddpm", "ddim", "dpmsolver++"]
    num_inference_steps: PositiveInt
    batch_size: PositiveInt


class TrainingGifParams(Section):
    recipes: list[str]
    sampler: Literal["ddpm", "ddim", "dpmsolver++"]
    num_inference_steps: PositiveInt


class StudiesParams(Section):
    fid: FidStudyParams
    few_steps: dict[str, FewStepsParams]  # by recipe
    guidance: GuidanceStudyParams
    training_gif: TrainingGifParams
    unconditional: list[str]  # recipes of which the way from noise, successes and failures are shown
