"""What is trained on: a row for each image, flipped and not, with each of its captions."""

from __future__ import annotations

from collections.abc import Sequence

import difflab.torchvision_cure  # noqa: F401  (first: see there)

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from difflab.clip.tokenizer import tokenize
from difflab.data.dataset import ImageDataset

Rows = dict[str, Tensor]


@torch.no_grad()
def concept_rows(pipeline: StableDiffusionPipeline, images: ImageDataset, token: str, templates: Sequence[str]) -> Rows:
    """Rows of N images at the model's size, each also flipped, with each of T templates for its caption: 2·N·T.

    An image's latents are the mean that the autoencoder has for it. Raises UserError where the tokenizer does not know
    a caption.
    """
    size = pipeline.unet.config.sample_size * pipeline.vae_scale_factor
    pixels = images.resized(size).images.to(pipeline.device).float() / 127.5 - 1
    means = [pipeline.vae.encode(image[None]).latent_dist.mean for image in torch.cat([pixels, pixels.flip(3)])]
    latents = torch.cat(means) * pipeline.vae.config.scaling_factor
    captions = [template.format(token=token) for template in templates]
    return rows_of(pipeline, latents.repeat_interleave(len(captions), 0), captions * len(latents))


def rows_of(pipeline: StableDiffusionPipeline, latents: Tensor, captions: Sequence[str]) -> Rows:
    """`latents` (N, C, h, w), as the U-Net takes them, and `input_ids` (N, L) of their captions."""
    return {"latents": latents.float().cpu(), "input_ids": tokenize(pipeline.tokenizer, captions)}


def joined(parts: Sequence[Rows]) -> Rows:
    """All rows of all parts."""
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
