"""Pixel-space diffusion: the digit recipes and their studies, and the faces."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from difflab.config.base import (
    BatchSize,
    Depth,
    Digit,
    Distinct,
    Domain,
    EachOnce,
    GuidanceScale,
    NumTimesteps,
    Probability,
    Section,
    Seed,
    Text,
    Width,
    Widths,
    require,
)
from difflab.config.training import TrainingParams

# With a smaller β, 1 − β is close to 1 in float32; the cosine schedule has no larger one either.
Beta = Annotated[float, Field(ge=1e-6, le=0.999)]
LEAST_SIGNAL = 2.0**-126  # float32's smallest normal number: below this ᾱ no step leads back from noise
MAX_NOISES = 10_000  # at 256×256 they fill 8 GB


def require_signal(num_timesteps: int, beta_start: float, beta_end: float, key: str, found: float) -> None:
    """Refuse `found` at `key` where ᾱ_T = Π (1 − β_t) of the linear schedule underflows float32."""
    slope = (beta_end - beta_start) / (num_timesteps - 1)
    left = math.prod(1 - beta_start - slope * t for t in range(num_timesteps))
    allowed = f"smaller β or fewer steps: after {num_timesteps} up to β = {beta_end:g} ᾱ is {left:.3g}"
    require(left >= LEAST_SIGNAL, key, found, allowed)


def divides_channels(network: Any, *keys: str) -> None:
    for key in keys:
        channels, size = network.block_out_channels, getattr(network, key)
        divided = not any(width % size for width in channels)
        require(divided, key, size, f"a divisor of each of block_out_channels {channels}")


def _is_a_patch(size: int) -> int:
    require(size in (1, 2, 4), "", size, "1, 2, 4")
    return size


PatchSize = Annotated[int, Field(ge=1, le=4), AfterValidator(_is_a_patch)]  # Literal[1, …] would take true for 1
Prediction = Literal["epsilon", "v_prediction"]
SamplerName = Literal["ddpm", "ddim", "dpmsolver++"]
NumTrainTimesteps = Annotated[int, Field(ge=2, le=4000)]


class LinearSchedule(Section):
    """β rises linearly from beta_start to beta_end (Ho et al. 2020)."""

    name: Literal["linear"]
    num_train_timesteps: NumTrainTimesteps
    beta_start: Beta
    beta_end: Beta

    def check(self) -> None:
        require_signal(self.num_train_timesteps, self.beta_start, self.beta_end, "beta_end", self.beta_end)


class CosineSchedule(Section):
    """Nichol & Dhariwal 2021."""

    name: Literal["cosine"]
    num_train_timesteps: NumTrainTimesteps


ScheduleParams = Annotated[LinearSchedule | CosineSchedule, Field(discriminator="name")]


class NetworkParams(Section):
    """A U-Net."""

    prediction_type: Prediction = Field(default="v_prediction", description="what the network predicts")
    min_snr_gamma: float | None = Field(default=None, gt=0, le=1000, description="γ of min-SNR loss weights; null: 1")
    patch_size: PatchSize = Field(default=1, description="pixel-unshuffle before the U-Net: fewer, wider positions")
    block_out_channels: Widths
    layers_per_block: Depth = 1
    add_attention: bool = Field(default=False, description="self-attention in the middle block")
    attention_levels: int = Field(default=0, ge=0, le=8, description="lowest resolutions with self-attention too")
    attention_head_dim: Width = 16
    scale_shift: bool = Field(default=False, description="time scales features too; with a condition it always does")
    dropout: float = Field(default=0.0, ge=0, lt=1)
    norm_num_groups: Width = 8
    time_embedding_dim: Width | None = Field(default=None, description="null: four times block_out_channels[0]")

    def check(self) -> None:
        divides_channels(self, "norm_num_groups", "attention_head_dim")
        levels = len(self.block_out_channels)
        require(self.attention_levels <= levels, "attention_levels", self.attention_levels, f"integer ≤ {levels}")


class SamplerParams(Section):
    seed: Seed = Field(description="of the noise bank")
    num_inference_steps: NumTimesteps
    timestep_spacing: Literal["leading", "trailing", "linspace"] = "trailing"
    steps_offset: int = Field(default=0, ge=0, lt=4000, description="of leading spacing: offset, offset + T/steps, …")
    set_alpha_to_one: bool = Field(default=True, description="last ᾱ: 1, or ᾱ_0")
    clip_sample: bool = Field(default=True, description="clip the predicted x0 to [-1, 1]")
    batch_size: BatchSize = Field(default=250, description="images at once; it changes the rounding of networks")

    def check(self) -> None:
        allowed = f"0, because timestep_spacing is {self.timestep_spacing}"
        require(self.timestep_spacing == "leading" or not self.steps_offset, "steps_offset", self.steps_offset, allowed)


class _RecipeSampling(SamplerParams):
    guidance_scale: GuidanceScale | None = Field(default=None, description="s; null without a condition")
    guidance_interval: list[Probability] | None = Field(
        default=None, min_length=2, max_length=2, description="of t/T; outside it s = 1, half the work; null: 0 to 1"
    )
    images_per_digit: int = Field(ge=10, le=100_000, description="unconditional: ten times as many in all")
    trace_steps: int = Field(default=6, ge=2, le=4001, description="images of the reverse process, both ends included")

    def check(self) -> None:
        super().check()
        most = self.num_inference_steps + 1
        require(
            self.trace_steps <= most, "trace_steps", self.trace_steps, f"integer ≤ num_inference_steps + 1 = {most}"
        )


class OtherSampling(_RecipeSampling):
    sampler: Literal["ddpm", "dpmsolver++"]


class DdimSampling(_RecipeSampling):
    sampler: Literal["ddim"]
    eta: Probability = Field(default=0.0, description="noise of the steps: 0 deterministic, 1 as DDPM")


RecipeSamplingParams = Annotated[OtherSampling | DdimSampling, Field(discriminator="sampler")]


class _Condition(Section):
    drop_probability: Probability = Field(description="of training without the condition (classifier-free guidance)")


class DigitDomainParams(_Condition):
    kind: Literal["digit_and_domain"]
    digit_dim: Width
    domain_dim: Width


class ClassParams(_Condition):
    kind: Literal["class_embedding", "one_hot"]


ConditionParams = Annotated[DigitDomainParams | ClassParams, Field(discriminator="kind")]

# The digits that a recipe learns from each domain.
RecipeData = Annotated[dict[Domain, Annotated[list[Digit], Field(min_length=1), EachOnce]], Field(min_length=1)]


class RecipeParams(Section):
    schedule: ScheduleParams
    network: NetworkParams
    training: TrainingParams
    data: RecipeData
    hold_out_validation: bool = Field(description="log the loss on the validation split, and do not train on it")
    condition: ConditionParams | None
    sampling: RecipeSamplingParams

    def check(self) -> None:
        scale, kind = self.sampling.guidance_scale, self.condition and self.condition.kind
        allowed = "number ≥ 1" if kind else "null, because condition is null"
        require((scale is None) == (kind is None), "sampling.guidance_scale", scale, allowed)
        interval = self.sampling.guidance_interval
        allowed = "two numbers, the first smaller" if kind else "null, because condition is null"
        fits = interval is None or (bool(kind) and interval[0] < interval[1])
        require(fits, "sampling.guidance_interval", interval, allowed)
        whole = [sorted(digits) for digits in self.data.values()] == [list(range(10))]
        require(bool(kind) or whole, "data", self.data, "all ten digits of one domain, because condition is null")
        one = kind != "class_embedding" or len(self.data) == 1
        require(one, "data", self.data, "one domain, because condition.kind is class_embedding")


class FaceSamplingParams(SamplerParams):
    sampler: Literal["ddim"] = "ddim"
    noises: Text | None = Field(description="folder of starting noises 00.pt, 01.pt, …; null: the noise bank")
    num_noises: int = Field(ge=1, le=MAX_NOISES)
    etas: Distinct[Probability]
    step_seeds: Distinct[Seed] = Field(description="of the noise that steps with η > 0 add")
    min_max_rescale: bool = Field(default=False, description="stretch each image to its own range, not [-1, 1]")

    def check(self) -> None:
        super().check()
        others = f"seeds other than sampling.seed = {self.seed}"
        require(self.seed not in self.step_seeds, "step_seeds", self.step_seeds, others)
        require(0 in self.etas, "etas", self.etas, "0 among them, whose images the others are compared with")


PathName = Literal["slerp", "lerp"]


class FaceInterpolationParams(Section):
    noises: Distinct[Annotated[int, Field(ge=0, lt=MAX_NOISES)]] = Field(max_length=2, min_length=2)
    num_images: int = Field(ge=3, le=1000, description="at equal steps of α from 0 to 1")


class FacesParams(Section):
    checkpoint: Text | None = Field(description="folder or hub id of diffusers, or a UNet.pt; null: train one")
    schedule: ScheduleParams
    network: NetworkParams
    training: TrainingParams
    sampling: FaceSamplingParams
    interpolation: FaceInterpolationParams
    reference: Text | None = Field(description="folder of images 00.png, 01.png, … that those of η = 0 should equal")

    def check(self) -> None:
        ends, most = self.interpolation.noises, self.sampling.num_noises
        require(max(ends) < most, "interpolation.noises", ends, f"numbers below sampling.num_noises = {most}")


class EvaluationParams(Section):
    seed: Seed = Field(description="of the bootstrap and of the split of real images into halves")
    num_resamples: int = Field(ge=1, le=1_000_000, description="of the bootstrap")
    nearest_k: int = Field(ge=1, le=1000, description="neighbors of precision, recall, density and coverage")
    inception_weights: Text | None = Field(description="inception-2015-12-05.pt; null: no distances in its features")


class FidDrawingParams(Section):
    seeds: Distinct[Seed] = Field(description="of the noise bank")
    num_images: int = Field(ge=10, le=1_000_000, description="for each length and seed")
    batch_size: BatchSize


class FidStudyParams(Section):
    recipe: str = Field(description="an unconditional recipe with a linear schedule")
    lengths: Distinct[NumTrainTimesteps] = Field(description="time steps to sample with, over the same range of β")
    drawing: FidDrawingParams


NumVariantImages = Annotated[int, Field(ge=10, le=1_000_000, multiple_of=10)]


class FewStepsParams(Section):
    samplers: Distinct[Literal["ddim", "dpmsolver++"]]
    num_inference_steps: Distinct[NumTimesteps]
    num_images: NumVariantImages = Field(description="in all, in equal numbers of each digit")
    batch_size: BatchSize


class GuidanceStudyParams(Section):
    recipe: str
    guidance_scales: Distinct[GuidanceScale]
    num_images: NumVariantImages
    sampler: SamplerName
    num_inference_steps: NumTimesteps
    batch_size: BatchSize


class TrainingGifParams(Section):
    recipes: Annotated[list[str], EachOnce]
    sampler: SamplerName
    num_inference_steps: NumTimesteps


class StudiesParams(Section):
    fid: FidStudyParams
    few_steps: dict[str, FewStepsParams] = Field(description="by recipe")
    guidance: GuidanceStudyParams
    training_gif: TrainingGifParams
    unconditional: Annotated[list[str], EachOnce] = Field(description="recipes with a figure of the reverse process")
