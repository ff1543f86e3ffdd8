"""Three ways to sample digits with classifier-free guidance: ours, diffusers' and denoising-diffusion-pytorch's."""

from typing import Any

import difflab.torchvision_cure  # noqa: F401  (first: see there)

import torch
from denoising_diffusion_pytorch import classifier_free_guidance as lucidrains
from diffusers import DDIMScheduler, DDPMScheduler, DiffusionPipeline, UNet2DModel
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from torch import Tensor

from bench.networks import Network
from difflab.models.conditioning import DigitDomainCondition
from difflab.models.schedules import linear_betas
from difflab.sampling.pipelines import DigitPipeline

GUIDANCE_SCALE = 2.0
BETAS = linear_betas(1000, 1e-4, 0.02)


def make_models(network: Network) -> tuple[UNet2DModel, DigitDomainCondition]:
    """A U-Net and its condition, the same weights at every call."""
    unet = network.unet(conditional=True).eval()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return unet, DigitDomainCondition(["mnistm"], 64, 16, 4 * network.channels[0]).eval()


def difflab_pipeline(network: Network) -> DigitPipeline:
    unet, condition = make_models(network)
    scheduler = DDPMScheduler(trained_betas=BETAS.tolist(), num_train_timesteps=len(BETAS), prediction_type="epsilon")
    return DigitPipeline(unet, condition, scheduler)


def difflab_sample(pipeline: DigitPipeline, digits: list[int], steps: int, **options: Any) -> list[Image.Image]:
    return pipeline(
        digits,
        "mnistm",
        generator=torch.Generator().manual_seed(0),
        guidance_scale=GUIDANCE_SCALE,
        sampler="ddim",
        num_inference_steps=steps,
        timestep_spacing="leading",
        **options,
    ).images


class PlainPipeline(DiffusionPipeline):
    """Guidance as diffusers' pipelines write it: one batch of both halves, a scheduler of diffusers' own settings."""

    unet: UNet2DModel
    condition: DigitDomainCondition
    scheduler: DDIMScheduler

    def __init__(self, unet: UNet2DModel, condition: DigitDomainCondition, scheduler: DDIMScheduler):
        super().__init__()
        self.register_modules(unet=unet, condition=condition, scheduler=scheduler)

    @torch.no_grad()
    def __call__(self, digits: list[int], num_inference_steps: int, generator: torch.Generator) -> Tensor:
        """(N, 3, S, S) in [0, 1]. diffusers' guidance scale is 1 + w."""
        size = self.unet.config["sample_size"]
        image = randn_tensor((len(digits), 3, size, size), generator=generator, device=self.device)
        labels = torch.tensor(digits, device=self.device)
        condition = self.condition(labels, torch.zeros_like(labels))
        embeddings = torch.cat([self.condition.null(len(digits)), condition])
        self.scheduler.set_timesteps(num_inference_steps)
        for t in self.progress_bar(self.scheduler.timesteps):  # pyright: ignore[reportAttributeAccessIssue]
            predicted = self.unet(torch.cat([image] * 2), t, class_labels=embeddings).sample
            unconditional, conditional = predicted.chunk(2)
            predicted = unconditional + (1 + GUIDANCE_SCALE) * (conditional - unconditional)
            image = self.scheduler.step(predicted, t, image).prev_sample  # pyright: ignore[reportAttributeAccessIssue]
        return (image / 2 + 0.5).clamp(0, 1)


def plain_pipeline(network: Network) -> PlainPipeline:
    unet, condition = make_models(network)
    return PlainPipeline(unet, condition, DDIMScheduler(beta_start=1e-4, beta_end=0.02, beta_schedule="linear"))


def plain_sample(pipeline: PlainPipeline, digits: list[int], steps: int) -> list[Image.Image]:
    images = pipeline(digits, steps, torch.Generator().manual_seed(0))
    return DiffusionPipeline.numpy_to_pil(images.cpu().permute(0, 2, 3, 1).float().numpy())


def lucidrains_pipeline(network: Network, steps: int) -> lucidrains.GaussianDiffusion:
    unet = lucidrains.Unet(network.peer_dim, num_classes=10, dim_mults=network.peer_mults)
    return lucidrains.GaussianDiffusion(
        unet, image_size=network.image_size, timesteps=1000, sampling_timesteps=steps, ddim_sampling_eta=0.0
    ).eval()


def lucidrains_sample(pipeline: lucidrains.GaussianDiffusion, digits: list[int]) -> Tensor:
    """(N, 3, S, S) in [0, 1]."""
    return pipeline.sample(torch.tensor(digits), cond_scale=1 + GUIDANCE_SCALE)
