"""Training and sampling with the package denoising-diffusion-pytorch, which this project does not install."""

import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.contender import Begun, Contender, Requests
from difflab.config.diffusion import RecipeParams
from difflab.data.dataset import load_digits, training_splits
from difflab.data.pixels import to_pil, unit_to_uint8

PACKAGE = "denoising_diffusion_pytorch"
BATCH_SIZE = 16


def is_installed() -> bool:
    return find_spec(PACKAGE) is not None


def trainer(params: RecipeParams, prepared: Path) -> Contender:
    """The package's `Unet`, `GaussianDiffusion` and `Trainer` on the images of an unconditional recipe.

    Uses defaults except for: width and number of levels as in the recipe's network, the learning rate (1e-4 is for runs
    of hours), no mirrored digits, DDIM with as many of the 1000 steps as the recipe, and images decoded in the training
    process, so that its clock counts them.
    """
    images = load_digits(params.data, training_splits(params.hold_out_validation), prepared)["images"]
    return Contender("denoising-diffusion-pytorch", BATCH_SIZE, False, lambda num_steps: _begin(params, images))


def _begin(params: RecipeParams, images: Tensor) -> Begun:
    torch.manual_seed(0)
    network, diffusion = _models(params, images.shape[-1])
    averaged: list[Any] = []  # filled when the training begins

    def sample(requests: Requests) -> dict[str, Tensor]:
        model = averaged[0].ema_model.eval()
        return {"": unit_to_uint8(model.sample(batch_size=len(requests)).clamp(0, 1))}

    return Begun(network, _loop(diffusion, images, averaged), sample)


def _models(params: RecipeParams, image_size: int) -> tuple[Any, Any]:
    from denoising_diffusion_pytorch import (  # pyright: ignore[reportMissingImports]
        GaussianDiffusion,
        Unet,
    )

    first, *_ = widths = params.network.block_out_channels
    network = Unet(dim=first, dim_mults=tuple(width // first for width in widths))
    steps = params.sampling.num_inference_steps
    return network, GaussianDiffusion(network, image_size=image_size, sampling_timesteps=steps)


def _loop(diffusion: Any, images: Tensor, averaged: list[Any]) -> Callable[[], None]:
    def train() -> None:
        from denoising_diffusion_pytorch import denoising_diffusion_pytorch as package  # pyright: ignore[reportMissingImports]

        package.cpu_count = lambda: 0  # no worker processes
        with tempfile.TemporaryDirectory() as folder:
            for i, picture in enumerate(to_pil(images)):
                picture.save(Path(folder, f"{i}.png"))
            trainer = package.Trainer(
                diffusion,
                folder,
                train_batch_size=BATCH_SIZE,
                train_lr=1e-3,
                train_num_steps=10**9,  # the budget ends the training
                augment_horizontal_flip=False,
                save_and_sample_every=10**9,
                results_folder=folder,
                calculate_fid=False,
            )
            averaged.append(trainer.ema)
            trainer.train()

    return train
