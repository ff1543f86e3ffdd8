"""Training as in diffusers' example, sampling with diffusers' pipeline."""

from typing import Any

import difflab  # noqa: F401  isort: skip (before diffusers: makes torchvision importable)

# isort: split

import torch
from accelerate import Accelerator
from diffusers import DDIMPipeline, DDIMScheduler, DDPMScheduler, UNet2DModel
from diffusers.optimization import get_scheduler
from diffusers.training_utils import EMAModel
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision import transforms
from tqdm import tqdm

from difflab.data.pixels import to_pil


def train(unet: UNet2DModel, images: Tensor, batch_size: int) -> None:
    """One epoch of examples/unconditional_image_generation/train_unconditional.py with --use_ema.

    Left out: its saving, its trackers, and the decoding of its image files. `images` (N, 3, S, S) uint8.
    """
    augmentations = transforms.Compose(
        [
            transforms.Resize(images.shape[-1], interpolation=transforms.InterpolationMode.BILINEAR),
            transforms.CenterCrop(images.shape[-1]),
            transforms.ToTensor(),
            transforms.Normalize([0.5], [0.5]),
        ]
    )
    pictures = to_pil(images.float() / 127.5 - 1)

    def collate(pictures: list[Any]) -> Tensor:
        return torch.stack([augmentations(picture.convert("RGB")) for picture in pictures])

    accelerator = Accelerator()
    noise_scheduler = DDPMScheduler(num_train_timesteps=1000)
    optimizer = torch.optim.AdamW(unet.parameters(), lr=1e-4, betas=(0.95, 0.999), weight_decay=1e-6)
    loader = DataLoader(pictures, batch_size, shuffle=True, collate_fn=collate)  # pyright: ignore[reportArgumentType]
    lr_scheduler = get_scheduler("cosine", optimizer, num_warmup_steps=500, num_training_steps=len(loader))
    model, optimizer, loader, lr_scheduler = accelerator.prepare(unet, optimizer, loader, lr_scheduler)
    ema = EMAModel(unet.parameters(), decay=0.9999, use_ema_warmup=True, inv_gamma=1.0, power=0.75)
    model.train()
    bar = tqdm(total=len(loader))
    for clean in loader:
        noise = torch.randn_like(clean)
        timesteps = torch.randint(0, 1000, (len(clean),), device=clean.device)
        noisy = noise_scheduler.add_noise(clean, noise, timesteps)  # pyright: ignore[reportArgumentType]
        with accelerator.accumulate(model):
            loss = F.mse_loss(model(noisy, timesteps).sample.float(), noise.float())
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            lr_scheduler.step()
            optimizer.zero_grad()
        ema.step(unet.parameters())
        bar.update(1)
        bar.set_postfix(loss=loss.detach().item(), lr=lr_scheduler.get_last_lr()[0])


def sample(unet: UNet2DModel, count: int, num_inference_steps: int) -> list[Image.Image]:
    scheduler = DDIMScheduler(beta_start=1e-4, beta_end=0.02, beta_schedule="linear")
    pipeline: Any = DDIMPipeline(unet, scheduler)
    return pipeline(count, torch.Generator().manual_seed(0), num_inference_steps=num_inference_steps).images
