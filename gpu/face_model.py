"""The face network and its objective, chosen for quality per minute on one large GPU."""

from __future__ import annotations

import time
from typing import Any

import difflab  # noqa: F401  isort: skip (before diffusers: makes torchvision importable)

# isort: split

import torch
from diffusers import UNet2DModel
from torch import Tensor

from difflab.diffusion.objective import DenoisingTask

IMAGE_SIZE = 64
PATCH_SIZE = 2  # 32×32 positions instead of 64×64: a third of the activations, so more images in the same minutes
PREDICTION_TYPE = "v_prediction"  # stable at high noise from the first step on, where the layout of a face is learned
NUM_TIMESTEPS = 1000  # with the cosine schedule: fewer steps at useless noise levels than the linear one at 64×64
GAMMA = 5.0  # min-SNR weighting: steps of low noise, which change little that is visible, do not dominate

NETWORK: dict[str, Any] = {
    "block_out_channels": (64, 96, 128, 128),  # 6.1 M parameters (12 MB in fp16), 1.7 GFLOP an image: usable on a CPU
    "layers_per_block": 1,  # width pays more than depth at this size, on tensor cores in particular
    "attention_head_dim": 32,
    "norm_num_groups": 16,
    "time_embedding_dim": 256,
    "dropout": 0.1,  # the colored faces are seen several hundred times
}
SMOKE_NETWORK = NETWORK | {"block_out_channels": (8, 16, 16, 16), "attention_head_dim": 8, "norm_num_groups": 4}


def make_face_unet(smoke: bool = False) -> UNet2DModel:
    """A U-Net on pixel-unshuffled images, with attention at 16×16, 8×8 and 4×4 positions.

    The face is one object: its symmetry needs attention before the lowest resolution. Scale and shift by the time step
    (Dhariwal & Nichol 2021, section 3.1) cost next to nothing.
    """
    channels = 3 * PATCH_SIZE**2
    return UNet2DModel(
        sample_size=IMAGE_SIZE // PATCH_SIZE,
        in_channels=channels,
        out_channels=channels,
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        resnet_time_scale_shift="scale_shift",
        **(SMOKE_NETWORK if smoke else NETWORK),
    )


class OutOfTime(Exception):
    """The deadline of a training has passed."""


class FaceTask(DenoisingTask):
    """The v objective with flips and min-SNR weights.

    A training pass after `deadline` (time.monotonic) raises OutOfTime.
    """

    def __init__(self, unet: Any, betas: Tensor, deadline: float):
        super().__init__(unet, betas, PREDICTION_TYPE, PATCH_SIZE, horizontal_flip=True, min_snr_gamma=GAMMA)
        self.deadline = deadline

    def forward(self, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
        """`images` (N, 3, S, S) uint8 to the mean weighted loss."""
        if self.training and time.monotonic() > self.deadline:
            raise OutOfTime
        return super().forward(batch, generator)
