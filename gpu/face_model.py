"""The training objective of the face model, with a deadline."""

from __future__ import annotations

import time
from typing import Any

import difflab  # noqa: F401  isort: skip (before diffusers: makes torchvision importable)

# isort: split

import torch
from torch import Tensor

from difflab.config.diffusion import NetworkParams
from difflab.diffusion.objective import DenoisingTask


class OutOfTime(Exception):
    """The deadline of a training has passed."""


class FaceTask(DenoisingTask):
    """The objective of the stage `faces`; a training pass after `deadline` (time.monotonic) raises OutOfTime."""

    def __init__(self, unet: Any, betas: Tensor, network: NetworkParams, deadline: float = float("inf")):
        options = {"horizontal_flip": True, "min_snr_gamma": network.min_snr_gamma}
        super().__init__(unet, betas, network.prediction_type, network.patch_size, **options)
        self.deadline = deadline

    def draw(self, batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """As DenoisingTask; raises OutOfTime."""
        if self.training and time.monotonic() > self.deadline:
            raise OutOfTime
        return super().draw(batch, generator)
