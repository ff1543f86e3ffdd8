"""The user's captioned images, for training a text-to-image model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from difflab.config.language import CaptionedImagesParams
from difflab.data.captioned_images import CaptionedImages, read_captioned_images, read_rgb
from difflab.data.pixels import to_signed
from difflab.errors import UserError
from difflab.pipeline.progress import image_bar
from difflab.systems.text_to_image.autoencoder import encoded_at_once


def train_and_held_out(params: CaptionedImagesParams) -> tuple[CaptionedImages, CaptionedImages]:
    """Split `params.folder` into training images and the last `params.num_validation` images.

    Raises DataError as `read_captioned_images` does, UserError if no training images remain.
    """
    assert params.folder is not None
    images = read_captioned_images(params.folder)
    count = len(images) - params.num_validation
    if count < 1:
        found = f"text_to_image.images.num_validation: found {params.num_validation} of {len(images)} images"
        raise UserError(f"{found}, allowed: fewer than there are")
    return images.part(range(count)), images.part(range(count, len(images)))


@torch.no_grad()
def encode_files(autoencoder: Any, files: Sequence[Path], image_size: int) -> Tensor:
    """Encode image files, resized to `image_size` pixels a side, as `encode_scenes`: (N, C, h, w) float32 on the CPU.

    Only one batch of images is in memory. Raises DataError if a file cannot be read as an image.
    """
    count = encoded_at_once(image_size)
    latents = []
    with image_bar("encoding", 0, len(files)) as bar:
        for start in range(0, len(files), count):
            images = to_signed(read_rgb(files[start : start + count], image_size))
            means = autoencoder.encode(images.to(autoencoder.device, autoencoder.dtype)).latent_dist.mode()
            latents.append((means * autoencoder.config.scaling_factor).float().cpu())
            bar.update(len(images))
    return torch.cat(latents)
