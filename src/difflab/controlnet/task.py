"""The objective of a ControlNet."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional as F

from difflab.data.circles import render_conditioning_images
from difflab.systems.text_to_image.objective import Captions, noised


class ControlTask(nn.Module):
    """E ‖ε − ε_θ(z_t, t, c(y), h)‖² over latents, captions and hints h (Zhang et al. 2023, eq. 5), or the same of v.

    Only the ControlNet moves.
    """

    def __init__(
        self,
        controlnet: ControlNetModel,
        unet: UNet2DConditionModel,
        scheduler: Any,
        captions: Captions,
        hint_size: int,
    ):
        """`unet` is on the training device; hints are drawn `hint_size` pixels a side."""
        super().__init__()
        self.controlnet = controlnet
        # A tuple, so that fit neither saves nor averages it.
        self.frozen = (unet.requires_grad_(False).eval(),)
        self.scheduler, self.captions, self.hint_size = scheduler, captions, hint_size

    def forward(self, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
        """`latents` (N, C, h, w), `tokens` (N, L) and `geometry` (N, 2, 3) as in Scenes, to the mean loss."""
        (unet,) = self.frozen
        states = self.captions(batch["tokens"], generator)
        hints = render_conditioning_images(batch["geometry"], self.hint_size)
        z, t, target = noised(self.scheduler, batch["latents"], generator)
        down, middle = self.controlnet(z, t, states, controlnet_cond=hints, return_dict=False)
        predicted = unet(
            z, t, states, down_block_additional_residuals=down, mid_block_additional_residual=middle
        ).sample
        return F.mse_loss(predicted.float(), target)
