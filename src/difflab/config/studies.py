"""What is measured of the recipes, and the studies that they are put to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from difflab.config.section import BatchSize, EachOnce, GuidanceScale, NumTimesteps, Section, Seed, Text


class EvaluationParams(Section):
    seed: Seed  # of the bootstrap, and of the real images that are held against real ones
    num_resamples: Annotated[int, Field(ge=1, le=1_000_000)]  # of the bootstrap
    nearest_k: Annotated[int, Field(ge=1, le=1000)]  # neighbours of precision, recall, density and coverage
    inception_weights: Text | None  # file of inception-2015-12-05.pt; null: distances in the judge's features alone


class FidDrawingParams(Section):
    seeds: Annotated[list[Seed], Field(min_length=1), EachOnce]  # of the noise bank
    num_images: Annotated[int, Field(ge=10, le=1_000_000)]  # for each length and seed
    batch_size: BatchSize


Length = Annotated[int, Field(ge=2, le=4000)]  # num_timesteps of the sampler


class FidStudyParams(Section):
    recipe: str  # an unconditional recipe with a linear schedule
    lengths: Annotated[list[Length], Field(min_length=1), EachOnce]
    drawing: FidDrawingParams


class FewStepsParams(Section):
    samplers: Annotated[list[Literal["ddim", "dpmsolver++"]], Field(min_length=1), EachOnce]
    num_inference_steps: Annotated[list[NumTimesteps], Field(min_length=1), EachOnce]
    num_images: Annotated[
        int, Field(ge=10, le=1_000_000, multiple_of=10)
    ]  # in all; with a condition as many of each digit
    batch_size: BatchSize


class GuidanceStudyParams(Section):
    recipe: str
    guidance_scales: Annotated[list[GuidanceScale], Field(min_length=1), EachOnce]
    num_images: Annotated[int, Field(ge=10, le=1_000_000, multiple_of=10)]
    sampler: Literal["ddpm", "ddim", "dpmsolver++"]
    num_inference_steps: NumTimesteps
    batch_size: BatchSize


class TrainingGifParams(Section):
    recipes: Annotated[list[str], EachOnce]
    sampler: Literal["ddpm", "ddim", "dpmsolver++"]
    num_inference_steps: NumTimesteps


class StudiesParams(Section):
    fid: FidStudyParams
    few_steps: dict[str, FewStepsParams]  # by recipe
    guidance: GuidanceStudyParams
    training_gif: TrainingGifParams
    unconditional: Annotated[
        list[str], EachOnce
    ]  # recipes of which the way from noise, successes and failures are shown
