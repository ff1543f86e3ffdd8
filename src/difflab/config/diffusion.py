"""What digits and faces share: noise schedule, network and sampler."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from difflab.config.section import BatchSize, Depth, NumTimesteps, Section, Seed, Width, Widths
from difflab.config.training import TrainingParams
from difflab.validation import refuse

# Of smaller ones 1 − β is hardly told from 1 in float32; of larger ones the cosine schedule has none either.
Beta = Annotated[float, Field(ge=1e-6, le=0.999)]
LEAST_SIGNAL = 2.0**-126  # float32's smallest ᾱ with all its digits: below it no step leads back from noise


def require_signal(num_timesteps: int, beta_start: float, beta_end: float, key: str, found: float) -> None:
    """Refuse `found` at `key` where ᾱ_T = Π (1 − β_t) of the linear schedule is nothing in float32."""
    slope = (beta_end - beta_start) / (num_timesteps - 1)
    left = math.prod(1 - beta_start - slope * t for t in range(num_timesteps))
    if left < LEAST_SIGNAL:
        allowed = f"smaller β or fewer steps: after {num_timesteps} up to β = {beta_end:g} ᾱ is {left:.3g}"
        raise refuse(key, found, allowed)


def _is_a_patch(size: int) -> int:
    if size not in (1, 2, 4):
        raise refuse("", size, "1, 2, 4")
    return size


PatchSize = Annotated[int, Field(ge=1, le=4), AfterValidator(_is_a_patch)]  # Literal[1, …] would take true for 1


class ScheduleParams(Section):
    name: Literal["linear", "cosine"]
    num_train_timesteps: Annotated[int, Field(ge=2, le=4000)]
    beta_start: Beta | None  # linear only
    beta_end: Beta | None

    @model_validator(mode="after")
    def _betas_belong_to_linear(self) -> Self:
        for key, beta in (("beta_start", self.beta_start), ("beta_end", self.beta_end)):
            if (beta is None) != (self.name == "cosine"):
                allowed = "null" if self.name == "cosine" else "number ≥ 1e-06 and ≤ 0.999"
                raise refuse(key, beta, f"{allowed}, because name is {self.name}")
        return self

    @model_validator(mode="after")
    def _some_signal_is_left(self) -> Self:
        if self.beta_start is not None and self.beta_end is not None:
            require_signal(self.num_train_timesteps, self.beta_start, self.beta_end, "beta_end", self.beta_end)
        return self


class NetworkParams(Section):
    prediction_type: Literal["epsilon", "v_prediction"]  # what the U-Net puts out, and the MSE is of
    patch_size: PatchSize  # pixel-unshuffle before the U-Net: fewer, wider positions
    block_out_channels: Widths
    layers_per_block: Depth
    add_attention: bool  # self-attention in the middle
    attention_head_dim: Width
    norm_num_groups: Width
    time_embedding_dim: Width | None  # null: four times the first of block_out_channels

    @model_validator(mode="after")
    def _channels_divide(self) -> Self:
        for key in ("norm_num_groups", "attention_head_dim"):
            if any(channels % getattr(self, key) for channels in self.block_out_channels):
                raise refuse(
                    key, getattr(self, key), f"a divisor of each of block_out_channels {self.block_out_channels}"
                )
        return self


class SamplerParams(Section):
    seed: Seed  # of the noise bank
    sampler: Literal["ddpm", "ddim", "dpmsolver++"]
    num_inference_steps: NumTimesteps
    timestep_spacing: Literal["leading", "trailing", "linspace"]
    steps_offset: Annotated[int, Field(ge=0, lt=4000)]  # leading spacing only: t = offset, offset + T/steps, …
    set_alpha_to_one: bool  # the last ᾱ: 1, or ᾱ_0
    clip_sample: bool  # clip the predicted x0 to [-1, 1]
    batch_size: BatchSize

    @model_validator(mode="after")
    def _offset_belongs_to_leading(self) -> Self:
        if self.steps_offset and self.timestep_spacing != "leading":
            raise refuse("steps_offset", self.steps_offset, f"0, because timestep_spacing is {self.timestep_spacing}")
        return self


class Diffusion(Section):
    """What digits and faces share: a network trained on a noise schedule, and sampled on some of its time steps."""

    schedule: ScheduleParams
    network: NetworkParams
    training: TrainingParams
    sampling: SamplerParams

    @model_validator(mode="after")
    def _time_steps_exist(self) -> Self:
        trained, steps = self.schedule.num_train_timesteps, self.sampling.num_inference_steps
        if steps > trained:
            raise refuse("sampling.num_inference_steps", steps, f"integer ≤ schedule.num_train_timesteps = {trained}")
        room = trained - 1 - (steps - 1) * trained // steps  # above the first of the leading time steps
        if self.sampling.steps_offset > room:
            raise refuse(
                "sampling.steps_offset",
                self.sampling.steps_offset,
                f"integer ≤ {room} with num_inference_steps {steps}",
            )
        return self
