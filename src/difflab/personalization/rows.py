"""What is trained on: latents with their captions, one row for each image, flipped and not, and each of its captions."""

from __future__ import annotations

from collections.abc import Sequence

import difflab.torchvision_cure  # noqa: F401  (first: see there)

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from difflab.data.dataset import ImageDataset
from difflab.stage import UserError

Rows = dict[str, Tensor]


@torch.inference_mode()
def concept_rows(pipeline: StableDiffusionPipeline, images: ImageDataset, token: str, templates: Sequence[str]) -> Rows:
    """`latents` (2·N·T, C, h, w) and `input_ids` (2·N·T, L) of N images, each also flipped, with T captions each.

    The latents are the means that the autoencoder has for the images at the model's size. Raises UserError where the
    tokenizer does not know a caption.
    """
    size = pipeline.unet.config.sample_size * pipeline.vae_scale_factor
    pixels = images.resized(size).images.to(pipeline.device).float() / 127.5 - 1
    means = [pipeline.vae.encode(image[None]).latent_dist.mean for image in torch.cat([pixels, pixels.flip(3)])]
    latents = torch.cat(means) * pipeline.vae.config.scaling_factor
    captions = [template.format(token=token) for template in templates]
    return _rows(pipeline, latents.repeat_interleave(len(captions), 0), captions * len(latents))


def prior_rows(pipeline: StableDiffusionPipeline, latents: Tensor, prompts: Sequence[str]) -> Rows:
    """Rows of `latents` (N, C, h, w), as the U-Net takes them, of images that the model drew of its own for `prompts`."""
    return _rows(pipeline, latents, prompts)


def joined(parts: Sequence[Rows]) -> Rows:
    """All rows of all parts."""
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def tokenize(pipeline: StableDiffusionPipeline, captions: Sequence[str]) -> Tensor:
    """(N, L) int64, as the pipeline's own call makes them. Raises UserError for what the tokenizer does not know."""
    tokenizer = pipeline.tokenizer
    length = tokenizer.model_max_length
    for caption in captions:
        ids = tokenizer(caption).input_ids
        if len(ids) > length:
            raise UserError(f"{caption!r}: found {len(ids)} tokens, allowed: at most {length}")
    return tokenizer(list(captions), padding="max_length", max_length=length, return_tensors="pt").input_ids


def _rows(pipeline: StableDiffusionPipeline, latents: Tensor, captions: Sequence[str]) -> Rows:
    return {"latents": latents.float().cpu(), "input_ids": tokenize(pipeline, captions)}
