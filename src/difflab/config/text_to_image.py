"""The text-to-image model: an autoencoder, a U-Net in its latent space that reads captions, and how it draws."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from difflab.config.diffusion import ScheduleParams
from difflab.config.section import (
    BatchSize,
    Depth,
    GuidanceScale,
    NonNegative,
    NumImages,
    NumTimesteps,
    Pixels,
    Probability,
    Section,
    Seed,
    Text,
    Width,
    Widths,
)
from difflab.config.training import TrainingParams
from difflab.validation import refuse


class AutoencoderNetworkParams(Section):
    image_size: Pixels
    block_out_channels: Widths  # each level but the last halves the image
    layers_per_block: Depth
    norm_num_groups: Width  # in few channels, few: normalising a group loses how bright it is as a whole
    latent_channels: Width

    @model_validator(mode="after")
    def _sizes_divide(self) -> Self:
        factor = 2 ** (len(self.block_out_channels) - 1)
        if self.image_size % factor:
            raise refuse("image_size", self.image_size, f"a multiple of {factor}, because of block_out_channels")
        if min(self.block_out_channels) < 2 * self.latent_channels:
            allowed = f"integers ≥ {2 * self.latent_channels}, twice latent_channels"
            raise refuse("block_out_channels", self.block_out_channels, allowed)
        _divides_channels(self, "norm_num_groups")
        return self


class AutoencoderParams(Section):
    network: AutoencoderNetworkParams
    kl_weight: NonNegative  # of the mean KL divergence of a latent number from N(0, 1)
    training: TrainingParams


class LatentNetworkParams(Section):
    prediction_type: Literal["epsilon", "v_prediction"]
    block_out_channels: Widths
    layers_per_block: Depth
    num_attention_heads: Width  # of self- and cross-attention, on every level
    norm_num_groups: Width

    @model_validator(mode="after")
    def _channels_divide(self) -> Self:
        for key in ("norm_num_groups", "num_attention_heads"):
            _divides_channels(self, key)
        return self


def _divides_channels(section: AutoencoderNetworkParams | LatentNetworkParams, key: str) -> None:
    if any(channels % getattr(section, key) for channels in section.block_out_channels):
        allowed = f"a divisor of each of block_out_channels {section.block_out_channels}"
        raise refuse(key, getattr(section, key), allowed)


class GuidedSamplingParams(Section):
    """How a prompt is drawn."""

    seed: Seed  # of the noise bank
    sampler: Literal["ddim", "dpmsolver++"]
    num_inference_steps: NumTimesteps
    guidance_scale: GuidanceScale  # s of ε(∅) + s (ε(c) − ε(∅))
    batch_size: BatchSize


class TextToImageParams(Section):
    pretrained: Text | None  # null: train the small model below; else a folder or hub id of a StableDiffusionPipeline
    autoencoder: AutoencoderParams
    schedule: ScheduleParams
    drop_probability: Probability  # of training without the caption
    network: LatentNetworkParams
    training: TrainingParams
    sampling: GuidedSamplingParams
    num_images: NumImages  # drawn of held-out captions, and measured

    @model_validator(mode="after")
    def _latents_halve(self) -> Self:
        autoencoder = self.autoencoder.network
        size = autoencoder.image_size // 2 ** (len(autoencoder.block_out_channels) - 1)
        factor = 2 ** (len(self.network.block_out_channels) - 1)
        if size % factor:
            allowed = f"a latent size (found {size}) that is a multiple of {factor}, because of network"
            raise refuse("autoencoder.network.image_size", autoencoder.image_size, allowed)
        return self
