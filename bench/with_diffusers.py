"""Training as in diffusers' example, and sampling with diffusers' pipeline."""

from pathlib import Path
from typing import Any

import difflab  # noqa: F401  isort: skip (before diffusers: makes torchvision importable)

# isort: split

import torch
from accelerate import Accelerator
from diffusers import DDIMPipeline, DDIMScheduler, DDPMPipeline, DDPMScheduler, UNet2DModel
from diffusers.optimization import get_scheduler
from diffusers.training_utils import EMAModel
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, RandomSampler
from torchvision import transforms
from tqdm import tqdm

from bench.contender import Begun, Contender, Requests
from difflab.config.diffusion import RecipeParams
from difflab.data.dataset import load_digits, training_splits
from difflab.data.pixels import to_pil, to_uint8
from difflab.diffusion.unet import make_unet

LEARNING_RATE = 1e-4  # the example's default


def train(
    unet: UNet2DModel,
    images: Tensor,
    batch_size: int,
    num_images: int | None = None,
    learning_rate: float = LEARNING_RATE,
    warmup_steps: int = 500,
) -> None:
    """examples/unconditional_image_generation/train_unconditional.py with --use_ema, for `num_images` or one epoch.

    Without saving, trackers and decoding of image files. `images` (N, 3, S, S) uint8. Leaves the averaged weights,
    which the example saves, in `unet`.
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
    optimizer = torch.optim.AdamW(unet.parameters(), lr=learning_rate, betas=(0.95, 0.999), weight_decay=1e-6)
    sampler = RandomSampler(pictures, num_samples=num_images or len(pictures))
    loader = DataLoader(pictures, batch_size, sampler=sampler, collate_fn=collate)  # pyright: ignore[reportArgumentType]
    lr_scheduler = get_scheduler("cosine", optimizer, num_warmup_steps=warmup_steps, num_training_steps=len(loader))
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
    ema.copy_to(unet.parameters())


def sample(unet: UNet2DModel, count: int, num_inference_steps: int) -> list[Image.Image]:
    scheduler = DDIMScheduler(beta_start=1e-4, beta_end=0.02, beta_schedule="linear")
    pipeline: Any = DDIMPipeline(unet, scheduler)
    return pipeline(count, torch.Generator().manual_seed(0), num_inference_steps=num_inference_steps).images


def example(params: RecipeParams, prepared: Path) -> Contender:
    """The example with the U-Net, images and number of sampling steps of an unconditional recipe.

    These replace the example's defaults: network (113 M parameters for 64×64), number of inference steps (1000), and
    learning rate and warm-up, whose defaults of 1e-4 and 500 steps are too slow for minutes on one thread.
    """
    images = load_digits(params.data, training_splits(params.hold_out_validation), prepared)["images"]
    batch_size, num_inference_steps = 16, params.sampling.num_inference_steps

    def begin(num_steps: int) -> Begun:
        torch.manual_seed(0)
        unet = make_unet(params.network, images.shape[-1], conditional=False)

        def train_for_steps() -> None:
            train(unet, images, batch_size, num_steps * batch_size, learning_rate=1e-3, warmup_steps=100)

        def sample_ddpm(requests: Requests) -> dict[str, Tensor]:
            pipeline: Any = DDPMPipeline(unet.eval(), DDPMScheduler(num_train_timesteps=1000))
            pipeline.set_progress_bar_config(disable=True)
            generator = torch.Generator().manual_seed(0)
            arguments = {"num_inference_steps": num_inference_steps, "output_type": "np"}
            output = pipeline(len(requests), generator, **arguments)
            return {"": to_uint8(torch.from_numpy(output.images).permute(0, 3, 1, 2) * 2 - 1)}

        return Begun(unet, train_for_steps, sample_ddpm)

    return Contender("diffusers' example", batch_size, True, begin)
