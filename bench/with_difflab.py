"""Training and sampling as the stages of this repository do them."""

import tempfile
from pathlib import Path

import difflab  # noqa: F401  isort: skip (before diffusers: makes torchvision importable)

# isort: split

import torch
from accelerate import Accelerator
from diffusers import DDPMScheduler, UNet2DModel
from PIL import Image
from torch import Tensor

from difflab.config.training import TrainingParams
from difflab.diffusion.objective import DenoisingTask
from difflab.diffusion.pipelines import UnconditionalPipeline
from difflab.diffusion.schedules import linear_betas
from difflab.training.checkpoint import RollingCheckpoint
from difflab.training.fit import fit

BETAS = linear_betas(1000, 1e-4, 0.02)


def train(unet: UNet2DModel, images: Tensor, batch_size: int) -> None:
    """One epoch of the train stage. `images` (N, 3, S, S) uint8."""
    params = TrainingParams(
        seed=0,
        num_epochs=1,
        batch_size=batch_size,
        learning_rate=1e-4,
        weight_decay=1e-6,
        warmup_steps=500,
        ema_decay=0.9999,
    )
    with tempfile.TemporaryDirectory() as folder:
        fit(
            DenoisingTask(unet, BETAS, "epsilon", patch_size=1),
            {"images": images},
            params,
            Accelerator(),
            RollingCheckpoint(Path(folder)),
        )


def sample(unet: UNet2DModel, count: int, num_inference_steps: int) -> list[Image.Image]:
    scheduler = DDPMScheduler(trained_betas=BETAS.tolist(), num_train_timesteps=len(BETAS), prediction_type="epsilon")
    pipeline = UnconditionalPipeline(unet, scheduler)
    return pipeline(
        count,
        generator=torch.Generator().manual_seed(0),
        sampler="ddim",
        num_inference_steps=num_inference_steps,
    ).images
