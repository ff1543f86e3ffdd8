"""Evaluation of samples, and the studies of sampling with trained recipes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from difflab.config.base import BatchSize, Distinct, EachOnce, GuidanceScale, NumTimesteps, Section, Seed, Text
from difflab.config.diffusion import AT_ONCE, NumTrainTimesteps, SamplerName


class EvaluationParams(Section):
    """How samples of digits are compared with real images."""

    seed: Seed = Field(description="seed of the bootstrap and of the held-out real images")
    num_resamples: int = Field(ge=1, le=1_000_000, description="resamples of the bootstrap")
    nearest_k: int = Field(ge=1, le=1000, description="neighbors for precision, recall, density and coverage")
    inception_weights: Text | None = Field(
        description="file inception-2015-12-05.pt, to also compute distances in Inception features"
    )


class FidDrawingParams(Section):
    """Samples for each length."""

    seeds: Distinct[Seed] = Field(description="seeds of the noise bank, one for each set of samples")
    num_images: int = Field(ge=10, le=1_000_000, description="images for each length and seed")
    batch_size: BatchSize = Field(description=AT_ONCE)


OneRecipe = Annotated[list[str], Field(max_length=1)]  # at most one, as its result files have fixed names


class FidStudyParams(Section):
    """Sampling schedules that are shorter or longer than the trained one."""

    recipes: OneRecipe = Field(description="unconditional recipe with a linear schedule; [] for no study")
    lengths: Distinct[NumTrainTimesteps] = Field(
        description="numbers of time steps to sample with, over the same range of β"
    )
    drawing: FidDrawingParams


NumVariantImages = Annotated[int, Field(ge=10, le=1_000_000)]


class FewStepsParams(Section):
    """Samplers with few steps, compared with all steps of DDPM."""

    samplers: Distinct[Literal["ddim", "dpmsolver++"]] = Field(description="samplers to compare with DDPM")
    num_inference_steps: Distinct[NumTimesteps] = Field(description="numbers of sampling steps")
    num_images: NumVariantImages = Field(
        description="images for each sampler and number of steps, equally many of each class"
    )
    batch_size: BatchSize = Field(description=AT_ONCE)


class GuidanceStudyParams(Section):
    """One recipe with several guidance scales."""

    recipes: OneRecipe = Field(description="conditional recipe of one data set; [] for no study")
    guidance_scales: Distinct[GuidanceScale] = Field(description="values of s to compare")
    num_images: NumVariantImages = Field(description="images for each guidance scale, equally many of each class")
    sampler: SamplerName = Field(description="sampling method")
    num_inference_steps: NumTimesteps = Field(description="number of sampling steps")
    batch_size: BatchSize = Field(description=AT_ONCE)


class TrainingGifParams(Section):
    """Animations of samples during training."""

    recipes: Annotated[list[str], EachOnce] = Field(description="conditional recipes with training.num_snapshots > 0")
    sampler: SamplerName = Field(description="sampling method")
    num_inference_steps: NumTimesteps = Field(description="number of sampling steps")


class StudiesParams(Section):
    """Studies of sampling with trained recipes."""

    fid: FidStudyParams
    few_steps: dict[str, FewStepsParams] = Field(description="studies by recipe")
    guidance: GuidanceStudyParams
    training_gif: TrainingGifParams
    unconditional: Annotated[list[str], EachOnce] = Field(
        description="unconditional recipes, for figures of the reverse process"
    )
