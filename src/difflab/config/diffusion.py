"""Pixel-space diffusion: the digit recipes and the faces."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from difflab.config.base import (
    BatchSize,
    ClassName,
    Depth,
    Distinct,
    GuidanceScale,
    NumTimesteps,
    Probability,
    Section,
    Seed,
    SetName,
    Text,
    Width,
    Widths,
    require,
)
from difflab.config.training import TrainingParams

# Lower bound: 1 − β must differ from 1 in float32. Upper bound: as in the cosine schedule.
Beta = Annotated[float, Field(ge=1e-6, le=0.999)]
LEAST_SIGNAL = 2.0**-126  # float32's smallest normal number: below this ᾱ no step leads back from noise
MAX_NOISES = 10_000  # at 256×256 they take 8 GB
AT_ONCE = "images per batch; affects results by rounding"


def require_signal(num_timesteps: int, beta_start: float, beta_end: float, key: str, found: float) -> None:
    """Refuse `found` at `key` if ᾱ_T = Π (1 − β_t) of the linear schedule underflows float32."""
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

    name: Literal["linear"] = Field(description="kind of schedule")
    num_train_timesteps: NumTrainTimesteps = Field(description="number of time steps T")
    beta_start: Beta = Field(description="β of the first time step")
    beta_end: Beta = Field(description="β of the last time step")

    def check(self) -> None:
        require_signal(self.num_train_timesteps, self.beta_start, self.beta_end, "beta_end", self.beta_end)


class CosineSchedule(Section):
    """ᾱ falls as cos² (Nichol & Dhariwal 2021, eq. 17)."""

    name: Literal["cosine"] = Field(description="kind of schedule")
    num_train_timesteps: NumTrainTimesteps = Field(description="number of time steps T")


ScheduleParams = Annotated[LinearSchedule | CosineSchedule, Field(discriminator="name")]


class NetworkParams(Section):
    """A U-Net in pixel space (diffusers' `UNet2DModel`)."""

    prediction_type: Prediction = Field(default="v_prediction", description="target of the network: the noise ε, or v")
    min_snr_gamma: float | None = Field(
        default=None, gt=0, le=1000, description="γ of min-SNR loss weights; null: all weights are 1"
    )
    patch_size: PatchSize = Field(
        default=1, description="pixel-unshuffle by 1, 2 or 4 before the U-Net: fewer, wider positions"
    )
    block_out_channels: Widths = Field(description="width of each level; every level but the last halves the image")
    layers_per_block: Depth = Field(default=1, description="residual blocks for each level")
    add_attention: bool = Field(default=False, description="self-attention in the middle block")
    attention_levels: int = Field(
        default=0, ge=0, le=8, description="number of levels with self-attention, counted from the lowest resolution"
    )
    attention_head_dim: Width = Field(default=16, description="channels for each attention head")
    scale_shift: bool = Field(
        default=False, description="scale and shift by the time embedding; conditional networks always do"
    )
    dropout: float = Field(default=0.0, ge=0, lt=1, description="dropout rate in residual blocks")
    norm_num_groups: Width = Field(default=8, description="number of groups of the group norms; divides every width")
    time_embedding_dim: Width | None = Field(
        default=None, description="entries of the time embedding; null: four times block_out_channels[0]"
    )

    def check(self) -> None:
        divides_channels(self, "norm_num_groups", "attention_head_dim")
        levels = len(self.block_out_channels)
        require(self.attention_levels <= levels, "attention_levels", self.attention_levels, f"integer ≤ {levels}")


class SamplerParams(Section):
    seed: Seed = Field(description="seed of the noise bank")
    num_inference_steps: NumTimesteps = Field(description="number of sampling steps, at most T")
    timestep_spacing: Literal["leading", "trailing", "linspace"] = Field(
        default="trailing", description="choice of the time steps (Lin et al. 2023, table 2)"
    )
    steps_offset: int = Field(default=0, ge=0, lt=4000, description="first time step with leading spacing")
    set_alpha_to_one: bool = Field(default=True, description="whether the last ᾱ is 1; otherwise ᾱ_0")
    clip_sample: bool = Field(default=True, description="whether predicted x₀ are clipped to [-1, 1]")
    batch_size: BatchSize = Field(default=250, description=AT_ONCE)

    def check(self) -> None:
        allowed = f"0, because timestep_spacing is {self.timestep_spacing}"
        require(self.timestep_spacing == "leading" or not self.steps_offset, "steps_offset", self.steps_offset, allowed)


class _RecipeSampling(SamplerParams):
    guidance_scale: GuidanceScale | None = Field(
        default=None, description="s of s ε(x,c) − (s−1) ε(x,∅); null without a condition"
    )
    guidance_interval: list[Probability] | None = Field(
        default=None,
        min_length=2,
        max_length=2,
        description="interval of t/T with guidance; elsewhere s = 1; null: all steps",
    )
    images_per_digit: int = Field(
        ge=10,
        le=100_000,
        description="images for each class and data set; without a condition ten times as many in all",
    )
    trace_steps: int = Field(
        default=6, ge=2, le=4001, description="images of the reverse process that are kept, noise and result included"
    )

    def check(self) -> None:
        super().check()
        most = self.num_inference_steps + 1
        require(
            self.trace_steps <= most, "trace_steps", self.trace_steps, f"integer ≤ num_inference_steps + 1 = {most}"
        )


class OtherSampling(_RecipeSampling):
    """Sampling with DDPM or DPM-Solver++(2M)."""

    sampler: Literal["ddpm", "dpmsolver++"] = Field(description="sampling method")


class DdimSampling(_RecipeSampling):
    """Sampling with DDIM."""

    sampler: Literal["ddim"] = Field(description="sampling method")
    eta: Probability = Field(default=0.0, description="η, the noise of the steps: 0 is deterministic, 1 is DDPM")


RecipeSamplingParams = Annotated[OtherSampling | DdimSampling, Field(discriminator="sampler")]


class _Condition(Section):
    drop_probability: Probability = Field(
        description="share of training images without their condition (classifier-free guidance)"
    )


class DigitDomainParams(_Condition):
    """Embeddings of digit and domain, concatenated."""

    kind: Literal["digit_and_domain"] = Field(description="kind of condition")
    digit_dim: Width = Field(description="entries of the digit's embedding")
    domain_dim: Width = Field(description="entries of the domain's embedding")


class ClassParams(_Condition):
    """An embedding of the digit (`class_embedding`, for one domain), or one-hot of digit and domain (`one_hot`)."""

    kind: Literal["class_embedding", "one_hot"] = Field(description="kind of condition")


ConditionParams = Annotated[DigitDomainParams | ClassParams, Field(discriminator="kind")]

All = Literal["all"]
# Classes by name; with the discriminator, errors in a list refer to the list and not to both alternatives.
Classes = Annotated[
    Annotated[All, Tag("all")] | Annotated[Distinct[ClassName], Tag("list")],
    Discriminator(lambda value: "all" if isinstance(value, str) else "list"),
]
# The classes that a recipe learns from each data set; the names of the data sets are its domains.
RecipeData = Annotated[dict[SetName, Classes], Field(min_length=1)]


class RecipeParams(Section):
    """A diffusion model of labeled images: trained, sampled, evaluated and plotted by its own stages."""

    schedule: ScheduleParams = Field(description="schedule of the forward process")
    network: NetworkParams
    training: TrainingParams
    data: RecipeData = Field(description="classes to learn from each data set: a list, or all")
    hold_out_validation: bool = Field(description="log the loss on the validation split, and do not train on it")
    condition: ConditionParams | None = Field(description="condition of the network; null: unconditional")
    sampling: RecipeSamplingParams = Field(description="settings for the samples of the recipe")

    def check(self) -> None:
        scale, kind = self.sampling.guidance_scale, self.condition and self.condition.kind
        allowed = "number ≥ 1" if kind else "null, because condition is null"
        require((scale is None) == (kind is None), "sampling.guidance_scale", scale, allowed)
        interval = self.sampling.guidance_interval
        allowed = "two numbers, the first smaller" if kind else "null, because condition is null"
        fits = interval is None or (bool(kind) and interval[0] < interval[1])
        require(fits, "sampling.guidance_interval", interval, allowed)
        one = len(self.data) == 1
        require(bool(kind) or one, "data", self.data, "one data set, because condition is null")
        one = kind != "class_embedding" or one
        require(one, "data", self.data, "one data set, because condition.kind is class_embedding")


class FaceSamplingParams(SamplerParams):
    """Sampling of faces with DDIM, for each η from the same noises."""

    sampler: Literal["ddim"] = Field(default="ddim", description="sampling method; only DDIM has η")
    noises: Text | None = Field(description="folder of starting noises 00.pt, 01.pt, …; null: the noise bank")
    num_noises: int = Field(ge=1, le=MAX_NOISES, description="number of starting noises")
    etas: Distinct[Probability] = Field(description="values of η, with 0 among them")
    step_seeds: Distinct[Seed] = Field(description="seeds of the noise that steps with η > 0 add")
    min_max_rescale: bool = Field(
        default=False, description="whether to rescale each image by its own minimum and maximum"
    )

    def check(self) -> None:
        super().check()
        others = f"seeds other than sampling.seed = {self.seed}"
        require(self.seed not in self.step_seeds, "step_seeds", self.step_seeds, others)
        require(0 in self.etas, "etas", self.etas, "0 among them, whose images the others are compared with")


PathName = Literal["slerp", "lerp"]


class FaceInterpolationParams(Section):
    """Slerp and lerp between two starting noises."""

    noises: Distinct[Annotated[int, Field(ge=0, lt=MAX_NOISES)]] = Field(
        max_length=2, min_length=2, description="indices of the two noises"
    )
    num_images: int = Field(ge=3, le=1000, description="images at equal steps of α from 0 to 1")


class FacesParams(Section):
    """A diffusion model of faces."""

    data: Annotated[dict[SetName, All], Field(min_length=1, max_length=1)] = Field(
        description="data set without classes to train on, as {NAME: all}"
    )
    checkpoint: Text | None = Field(
        description="folder or hub id of a diffusers pipeline, or a UNet.pt; null: train one"
    )
    schedule: ScheduleParams = Field(description="schedule for training, or of the course's UNet.pt")
    network: NetworkParams
    training: TrainingParams
    sampling: FaceSamplingParams
    interpolation: FaceInterpolationParams
    reference: Text | None = Field(description="folder with the expected images of η = 0: 00.png, 01.png, …")

    def check(self) -> None:
        ends, most = self.interpolation.noises, self.sampling.num_noises
        require(max(ends) < most, "interpolation.noises", ends, f"numbers below sampling.num_noises = {most}")
