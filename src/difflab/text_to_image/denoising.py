"""The denoising objective in a latent space, with captions."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPTextModel


def noised(scheduler: Any, latents: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Latents z_t = √ᾱ_t z₀ + √(1−ᾱ_t) ε with t uniform, t (N,), and the target: ε, or v = √ᾱ_t ε − √(1−ᾱ_t) z₀.

    `scheduler`: a DDPMScheduler, which says what the model predicts.
    """
    noise = torch.randn(latents.shape, device=latents.device, generator=generator)
    num_steps = scheduler.config.num_train_timesteps
    t = torch.randint(num_steps, (len(latents),), device=latents.device, generator=generator)
    is_v = scheduler.config.prediction_type == "v_prediction"
    target = scheduler.get_velocity(latents, noise, t) if is_v else noise
    return scheduler.add_noise(latents, noise, t), t, target


class Captions:
    """Token numbers to the hidden states that the U-Net reads, by a frozen text encoder; some captions dropped.

    A dropped caption is the empty prompt, as in classifier-free guidance (Ho & Salimans 2022, algorithm 1).
    """

    def __init__(self, text_encoder: CLIPTextModel, empty: Tensor, drop_probability: float):
        """`empty` (L,): the tokens of the empty prompt; the text encoder is on the training device."""
        self.text_encoder = text_encoder.requires_grad_(False).eval()
        self.empty, self.drop_probability = empty.to(text_encoder.device), drop_probability

    @torch.no_grad()
    def __call__(self, tokens: Tensor, generator: torch.Generator) -> Tensor:
        """(N, L) to (N, L, D)."""
        drop = torch.rand(len(tokens), device=tokens.device, generator=generator) < self.drop_probability
        return self.text_encoder(torch.where(drop[:, None], self.empty, tokens))[0]


class LatentDenoisingTask(nn.Module):
    """E ‖ε − ε_θ(z_t, t, c(y))‖² over latents z₀ and captions y (Rombach et al. 2022, eq. 3), or the same of v."""

    def __init__(self, unet: UNet2DConditionModel, scheduler: Any, captions: Captions):
        super().__init__()
        self.unet, self.scheduler, self.captions = unet, scheduler, captions

    def forward(self, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
        """`latents` (N, C, h, w) and `tokens` (N, L), to the mean loss."""
        states = self.captions(batch["tokens"], generator)
        z, t, target = noised(self.scheduler, batch["latents"], generator)
        return F.mse_loss(self.unet(z, t, states).sample.float(), target)
