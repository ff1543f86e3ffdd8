"""Latent U-Net, noise schedule and the denoising objective with captions."""

from __future__ import annotations

from typing import Any, Literal

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor
from torch.nn import functional as F
from transformers import CLIPTextModel

from difflab.config.language import LatentNetworkParams
from difflab.models.task import Task


def make_latent_unet(params: LatentNetworkParams, autoencoder: AutoencoderKL, text_width: int) -> UNet2DConditionModel:
    """An untrained U-Net for the autoencoder's latents, with cross-attention to hidden states (N, L, `text_width`)."""
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
    """A scheduler with `betas` (T,) float64; it does not clip, because latents are not bounded."""
    return DDIMScheduler(
        num_train_timesteps=len(betas),
        trained_betas=betas.tolist(),
        prediction_type=prediction_type,
        clip_sample=False,
        timestep_spacing="trailing",
        steps_offset=1,  # only for leading spacing; Stable Diffusion's pipelines require it
    )


def draw_noise(scheduler: Any, latents: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
    """Draw `noise` of the latents' shape (N, C, h, w), and uniform `timesteps` (N,) int64."""
    noise = torch.randn(latents.shape, device=latents.device, generator=generator)
    num_steps = scheduler.config.num_train_timesteps
    t = torch.randint(num_steps, (len(latents),), device=latents.device, generator=generator)
    return {"noise": noise, "timesteps": t}


def noised(scheduler: Any, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy latents z_t = √ᾱ_t z₀ + √(1−ᾱ_t) ε, time steps t (N,), and the target: ε, or v = √ᾱ_t ε − √(1−ᾱ_t) z₀.

    `scheduler`: a DDPMScheduler, whose prediction type selects the target. `inputs`: `latents`, and the result of
    `draw_noise`.
    """
    latents, noise, t = inputs["latents"], inputs["noise"], inputs["timesteps"]
    is_v = scheduler.config.prediction_type == "v_prediction"
    target = scheduler.get_velocity(latents, noise, t) if is_v else noise
    return scheduler.add_noise(latents, noise, t), t, target


class Captions:
    """A frozen text encoder, from token ids to the hidden states that the U-Net attends to, with caption dropout.

    Dropped captions become the empty prompt, for classifier-free guidance (Ho & Salimans 2022, algorithm 1).
    """

    def __init__(self, text_encoder: CLIPTextModel, empty: Tensor, drop_probability: float):
        """`empty` (L,): the tokens of the empty prompt; the text encoder is on the training device."""
        self.text_encoder = text_encoder.requires_grad_(False).eval()
        self.empty, self.drop_probability = empty.to(text_encoder.device), drop_probability

    def draw(self, tokens: Tensor, generator: torch.Generator) -> Tensor:
        """`tokens` (N, L), with rows replaced by the empty prompt with probability `drop_probability`."""
        drop = torch.rand(len(tokens), device=tokens.device, generator=generator) < self.drop_probability
        return torch.where(drop[:, None], self.empty, tokens)

    @torch.no_grad()
    def __call__(self, tokens: Tensor) -> Tensor:
        """Encode token ids (N, L) to hidden states (N, L, D)."""
        return self.text_encoder(tokens)[0]


class LatentDenoisingTask(Task):
    """E ‖ε − ε_θ(z_t, t, c(y))‖² over latents z₀ and captions y (Rombach et al. 2022, eq. 3), or the same for v."""

    def __init__(self, unet: UNet2DConditionModel, scheduler: Any, captions: Captions):
        super().__init__()
        self.unet, self.scheduler, self.captions = unet, scheduler, captions

    def draw(self, batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Draw noise and time steps for `latents` (N, C, h, w), and drop some captions of `tokens` (N, L)."""
        tokens = self.captions.draw(batch["tokens"], generator)
        return batch | {"tokens": tokens} | draw_noise(self.scheduler, batch["latents"], generator)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """The mean loss of `latents` and `noise` (N, C, h, w), `timesteps` (N,) and `tokens` (N, L)."""
        z, t, target = noised(self.scheduler, inputs)
        return F.mse_loss(self.unet(z, t, self.captions(inputs["tokens"])).sample.float(), target)
