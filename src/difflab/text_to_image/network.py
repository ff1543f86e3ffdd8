"""The U-Net in latent space, and the schedule it is trained on."""

from __future__ import annotations

from typing import Any, Literal

from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor

from difflab.config.language import LatentNetworkParams


def make_unet(params: LatentNetworkParams, autoencoder: AutoencoderKL, text_width: int) -> UNet2DConditionModel:
    """A random U-Net of the autoencoder's latents, whose levels attend to (N, L, `text_width`) states."""
    levels = len(params.block_out_channels)
    latents: Any = autoencoder.config
    downsamplings = len(latents.block_out_channels) - 1
    return UNet2DConditionModel(
        sample_size=latents.sample_size // 2**downsamplings,
        in_channels=latents.latent_channels,
        out_channels=latents.latent_channels,
        block_out_channels=tuple(params.block_out_channels),
        down_block_types=("CrossAttnDownBlock2D",) * levels,
        up_block_types=("CrossAttnUpBlock2D",) * levels,
        layers_per_block=params.layers_per_block,
        attention_head_dim=params.num_attention_heads,  # diffusers' name for the number of heads
        norm_num_groups=params.norm_num_groups,
        cross_attention_dim=text_width,
    )


def make_scheduler(betas: Tensor, prediction_type: Literal["epsilon", "v_prediction"]) -> DDIMScheduler:
    """The scheduler of a pipeline trained on `betas` (T,) float64; latents are not clipped."""
    return DDIMScheduler(
        num_train_timesteps=len(betas),
        trained_betas=betas.tolist(),
        prediction_type=prediction_type,
        clip_sample=False,
        timestep_spacing="trailing",
        steps_offset=1,  # of leading spacing alone; pipelines of Stable Diffusion demand it
    )
