"""Training as diffusers' example has it, sampling by its own pipeline, and one with guidance written like those."""

from typing import Any

import difflab  # noqa: F401  (before torchvision: see there)

# isort: split

import torch
from accelerate import Accelerator
from diffusers import DDIMPipeline, DDIMScheduler, DDPMScheduler, DiffusionPipeline, UNet2DModel
from diffusers.optimization import get_scheduler
from diffusers.training_utils import EMAModel
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision import transforms
from tqdm import tqdm

from difflab.data.pixels import to_pil
from difflab.models.conditioning import DigitDomainCondition


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


def scheduler() -> DDIMScheduler:
    return DDIMScheduler(beta_start=1e-4, beta_end=0.02, beta_schedule="linear")


def sample(unet: UNet2DModel, count: int, num_inference_steps: int) -> list[Image.Image]:
    pipeline: Any = DDIMPipeline(unet, scheduler())
    return pipeline(count, torch.Generator().manual_seed(0), num_inference_steps=num_inference_steps).images


class GuidedPipeline(DiffusionPipeline):
    """Both halves of the guidance in one batch, as StableDiffusionPipeline does it; the rest is DDIMPipeline."""

    unet: UNet2DModel
    condition: DigitDomainCondition
    scheduler: DDIMScheduler

    def __init__(self, unet: UNet2DModel, condition: DigitDomainCondition, scheduler: DDIMScheduler):
        super().__init__()
        self.register_modules(unet=unet, condition=condition, scheduler=scheduler)

    @torch.no_grad()
    def __call__(
        self, digits: list[int], generator: torch.Generator, num_inference_steps: int, guidance_scale: float
    ) -> list[Image.Image]:
        size = self.unet.config["sample_size"]
        image = randn_tensor((len(digits), 3, size, size), generator=generator, device=self.device)
        labels = torch.tensor(digits, device=self.device)
        condition = self.condition(labels, torch.zeros_like(labels))
        embeddings = torch.cat([self.condition.null(len(digits)), condition])
        self.scheduler.set_timesteps(num_inference_steps)
        progress_bar: Any = self.progress_bar  # pyright: ignore[reportAttributeAccessIssue]
        for t in progress_bar(self.scheduler.timesteps):
            predicted = self.unet(torch.cat([image] * 2), t, class_labels=embeddings).sample
            unconditional, conditional = predicted.chunk(2)
            predicted = unconditional + guidance_scale * (conditional - unconditional)
            image = self.scheduler.step(predicted, t, image).prev_sample  # pyright: ignore[reportAttributeAccessIssue]
        return self.numpy_to_pil((image / 2 + 0.5).clamp(0, 1).cpu().permute(0, 2, 3, 1).numpy())


def sample_guided(
    unet: UNet2DModel,
    condition: DigitDomainCondition,
    digits: list[int],
    num_inference_steps: int,
    guidance_scale: float,
) -> list[Image.Image]:
    pipeline = GuidedPipeline(unet, condition, scheduler())
    return pipeline(digits, torch.Generator().manual_seed(0), num_inference_steps, guidance_scale)
