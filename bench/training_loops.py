"""Three loops that train one epoch: ours, and two that others wrote, with their own defaults where ours has no say."""

import tempfile
from pathlib import Path

import difflab.torchvision_cure  # noqa: F401  (first: see there)

import torch
from accelerate import Accelerator
from denoising_diffusion_pytorch import GaussianDiffusion, Trainer
from diffusers import DDPMScheduler, UNet2DModel
from diffusers.optimization import get_scheduler
from diffusers.training_utils import EMAModel
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision import transforms
from tqdm import tqdm

from difflab.models.schedules import linear_betas
from difflab.params import TrainingParams
from difflab.sampling.images import to_pil
from difflab.training.checkpoint import RollingCheckpoint
from difflab.training.denoising import DenoisingTask
from difflab.training.fit import fit


def difflab_task(unet: UNet2DModel) -> DenoisingTask:
    return DenoisingTask(unet, linear_betas(1000, 1e-4, 0.02), "epsilon", patch_size=1)


def train_difflab(unet: UNet2DModel, images: Tensor, batch_size: int) -> None:
    """What the train stage calls. `images` (N, 3, S, S) uint8."""
    params = TrainingParams(
        seed=0,
        num_epochs=1,
        batch_size=batch_size,
        optimizer="adamw",
        learning_rate=1e-4,
        weight_decay=1e-6,
        lr_schedule="cosine",
        lr_interval="step",
        warmup_steps=500,
        ema_decay=0.9999,
        max_grad_norm=1.0,
        log_every=50,
        checkpoint_every=500,
        num_snapshots=0,
    )
    with tempfile.TemporaryDirectory() as folder:
        fit(difflab_task(unet), {"images": images}, params, Accelerator(), RollingCheckpoint(Path(folder)))


def train_diffusers(unet: UNet2DModel, images: Tensor, batch_size: int) -> None:
    """diffusers' examples/unconditional_image_generation/train_unconditional.py, less its saving and its trackers.

    The example decodes image files; here they are decoded already.
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

    def collate(pictures: list[Image.Image]) -> Tensor:
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
        loss = diffusers_loss(model, noise_scheduler, clean, noise, timesteps)
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        lr_scheduler.step()
        optimizer.zero_grad()
        ema.step(unet.parameters())
        bar.update(1)
        bar.set_postfix(loss=loss.detach().item(), lr=lr_scheduler.get_last_lr()[0])


def diffusers_loss(
    unet: UNet2DModel, scheduler: DDPMScheduler, images: Tensor, noise: Tensor, timesteps: Tensor
) -> Tensor:
    """`images` and `noise` (N, 3, S, S), images in [-1, 1]; `timesteps` (N,) int64."""
    noisy = scheduler.add_noise(images, noise, timesteps)  # pyright: ignore[reportArgumentType]
    return F.mse_loss(unet(noisy, timesteps).sample.float(), noise.float())


def train_lucidrains(diffusion: GaussianDiffusion, folder: Path, batch_size: int, num_steps: int) -> None:
    """denoising-diffusion-pytorch's own Trainer on a folder of at least 100 image files."""
    with tempfile.TemporaryDirectory() as results:
        trainer = Trainer(
            diffusion,
            folder,
            train_batch_size=batch_size,
            train_num_steps=num_steps,
            augment_horizontal_flip=False,
            save_and_sample_every=num_steps + 1,
            calculate_fid=False,
            results_folder=results,
        )
        trainer.train()
