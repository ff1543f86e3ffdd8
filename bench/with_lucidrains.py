"""Training and sampling with denoising-diffusion-pytorch, by its own Trainer and its own networks."""

import tempfile
from itertools import cycle, islice
from pathlib import Path

import difflab  # noqa: F401  (before torchvision: see there)

# isort: split

import torch
from denoising_diffusion_pytorch import GaussianDiffusion, Trainer, Unet  # pyright: ignore[reportMissingImports]
from denoising_diffusion_pytorch import classifier_free_guidance as guided  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn

from bench.networks import Network
from difflab.data.pixels import to_pil


def make_unet(network: Network) -> nn.Module:
    return Unet(network.peer_dims[0], dim_mults=network.peer_mults)


def make_guided_unet(network: Network) -> nn.Module:
    return guided.Unet(network.peer_dims[1], num_classes=10, dim_mults=network.peer_mults)


def train(unet: nn.Module, images: Tensor, batch_size: int) -> None:
    """One epoch. `images` (N, 3, S, S) uint8."""
    with tempfile.TemporaryDirectory() as pictures, tempfile.TemporaryDirectory() as results:
        files = islice(cycle(to_pil(images.float() / 127.5 - 1)), max(len(images), 100))  # the Trainer asks for 100
        for number, picture in enumerate(files):
            picture.save(Path(pictures, f"{number}.png"))
        num_steps = len(images) // batch_size
        Trainer(
            GaussianDiffusion(unet, image_size=images.shape[-1]),
            pictures,
            train_batch_size=batch_size,
            train_num_steps=num_steps,
            augment_horizontal_flip=False,
            save_and_sample_every=num_steps + 1,
            calculate_fid=False,
            results_folder=results,
        ).train()


def sample(unet: nn.Module, image_size: int, count: int, num_inference_steps: int) -> Tensor:
    """(count, 3, S, S) in [0, 1]."""
    diffusion = GaussianDiffusion(unet, image_size=image_size, sampling_timesteps=num_inference_steps)
    return diffusion.eval().sample(count)


def sample_guided(
    unet: nn.Module, image_size: int, digits: list[int], num_inference_steps: int, guidance_scale: float
) -> Tensor:
    """(N, 3, S, S) in [0, 1]."""
    diffusion = guided.GaussianDiffusion(
        unet, image_size=image_size, sampling_timesteps=num_inference_steps, ddim_sampling_eta=0.0
    )
    return diffusion.eval().sample(torch.tensor(digits), cond_scale=guidance_scale)
