"""The denoising objective of DDPM."""

from __future__ import annotations

import torch
from diffusers import UNet2DModel
from torch import Tensor
from torch.nn import functional as F

from difflab.data.pixels import to_signed
from difflab.models.conditioning import Condition
from difflab.models.task import Task


class DenoisingTask(Task):
    """E ‖ε − ε_θ(√ᾱ_t x₀ + √(1−ᾱ_t) ε, t, c)‖², t uniform (Ho et al. 2020, eq. 14).

    With `v_prediction` the network predicts v = √ᾱ_t ε − √(1−ᾱ_t) x₀ (Salimans & Ho 2022, appendix D) and the loss is
    the error of v. Then ε̂ = √ᾱ_t v̂ + √(1−ᾱ_t) x_t, so the loss is that of ε̂ with weight 1/ᾱ_t. At high noise, ε̂ is
    nearly correct from the first step on, and the network learns to predict the image.

    With `min_snr_gamma` γ, the error of v has the weight min(SNR, γ) / (SNR + 1) and that of ε min(SNR, γ) / SNR, with
    SNR = ᾱ_t / (1 − ᾱ_t) (Hang et al. 2023, arXiv:2303.09556, section 3.4). This reduces the weight of low noise, which
    hides nothing visible.
    """

    alphas_cumprod: Tensor

    def __init__(
        self,
        unet: UNet2DModel,
        betas: Tensor,
        prediction_type: str,
        patch_size: int,
        condition: Condition | None = None,
        drop_probability: float = 0.0,
        horizontal_flip: bool = False,
        min_snr_gamma: float | None = None,
    ):
        """`betas`: (T,) float64; `prediction_type`: "epsilon" or "v_prediction".

        `drop_probability`: of dropping the condition of an image (Ho & Salimans 2022, algorithm 1).
        """
        super().__init__()
        self.unet, self.condition = unet, condition
        self.prediction_type, self.patch_size = prediction_type, patch_size
        self.drop_probability, self.horizontal_flip = drop_probability, horizontal_flip
        self.min_snr_gamma = min_snr_gamma
        self.register_buffer("alphas_cumprod", torch.cumprod(1 - betas, 0), persistent=False)

    def draw(self, batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Draw noise and time steps for `images` (N, 3, S, S) uint8; with a condition also for `digits` and `domains`.

        Labels `digits` and `domains` are (N,) int64. Returns the input of `forward`.
        """
        images = to_signed(batch["images"])
        count, device = len(images), images.device
        if self.horizontal_flip:
            flip = torch.rand(count, device=device, generator=generator) < 0.5
            images = torch.where(flip[:, None, None, None], images.flip(3), images)
        x0 = F.pixel_unshuffle(images, self.patch_size)
        drawn = {
            "x0": x0,
            "noise": torch.randn(x0.shape, device=device, generator=generator),
            "timesteps": torch.randint(len(self.alphas_cumprod), (count,), device=device, generator=generator),
        }
        if self.condition is not None:
            drawn["dropped"] = torch.rand(count, device=device, generator=generator) < self.drop_probability
            drawn |= {name: batch[name] for name in ("digits", "domains")}
        return drawn

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """The mean loss of `x0` and `noise` (N, 3·patch², S/patch, S/patch) and `timesteps` (N,), from `draw`.

        With a condition also `dropped` (N,) bool, `digits` and `domains`.
        """
        x0, noise, t = inputs["x0"], inputs["noise"], inputs["timesteps"]
        signal = self.alphas_cumprod[t].sqrt().float()[:, None, None, None]
        sigma = (1 - self.alphas_cumprod[t]).sqrt().float()[:, None, None, None]
        target = noise if self.prediction_type == "epsilon" else signal * noise - sigma * x0
        predicted = self.unet(signal * x0 + sigma * noise, t, class_labels=self._conditions(inputs)).sample
        if self.min_snr_gamma is None:
            return F.mse_loss(predicted.float(), target)
        errors = F.mse_loss(predicted.float(), target, reduction="none").mean((1, 2, 3))
        return (errors * self._weights(t)).mean()

    def _weights(self, t: Tensor) -> Tensor:
        """Min-SNR weights (N,) of the time steps `t` (N,)."""
        snr = (self.alphas_cumprod / (1 - self.alphas_cumprod))[t]
        own = snr if self.prediction_type == "epsilon" else snr + 1
        return (snr.clamp(max=self.min_snr_gamma) / own).float()

    def _conditions(self, inputs: dict[str, Tensor]) -> Tensor | None:
        if self.condition is None:
            return None
        conditions = self.condition(inputs["digits"], inputs["domains"])
        return torch.where(inputs["dropped"][:, None], self.condition.null(1), conditions)
