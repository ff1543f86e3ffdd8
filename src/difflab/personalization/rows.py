"""What is trained on: latents and captions, a row for each pair of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from difflab.data.dataset import ImageDataset
from difflab.systems.text_to_image.model_folder import image_size
from difflab.systems.zero_shot.clip import tokenize

# "latents" (N, C, h, w), scaled as the U-Net takes them, and "tokens" (N, L) of their captions.
Rows = dict[str, Tensor]


def concept_rows(pipeline: StableDiffusionPipeline, images: ImageDataset, token: str, templates: Sequence[str]) -> Rows:
    """N images at the model's size, each also flipped, each with all T templates for its caption: 2·N·T rows.

    Raises UserError where the tokenizer does not know a caption.
    """
    captions = [template.format(token=token) for template in templates]
    pixels = images.resized(image_size(pipeline)).images
    latents = _encode(pipeline, torch.cat([pixels, pixels.flip(3)]))
    tokens = tokenize(pipeline.tokenizer, captions)
    return {"latents": latents.repeat_interleave(len(tokens), 0), "tokens": tokens.repeat(len(latents), 1)}


def prior_rows(pipeline: StableDiffusionPipeline, images: Tensor, captions: Sequence[str]) -> Rows:
    """`images` (N, 3, S, S) uint8 of the model's size, each with its caption: N rows."""
    return {"latents": _encode(pipeline, images), "tokens": tokenize(pipeline.tokenizer, captions)}


def joined(parts: Sequence[Rows]) -> Rows:
    """All rows of all parts."""
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


@torch.no_grad()
def _encode(pipeline: StableDiffusionPipeline, images: Tensor) -> Tensor:
    """The mean that the autoencoder has for each image, as the U-Net takes it; on the CPU."""
    pixels = images.to(pipeline.device).float() / 127.5 - 1
    means = [pipeline.vae.encode(image[None]).latent_dist.mean for image in pixels]
    return torch.cat(means).float().cpu() * pipeline.vae.config.scaling_factor
