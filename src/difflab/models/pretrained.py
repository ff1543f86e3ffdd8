"""Networks that others trained."""

from __future__ import annotations

import difflab.torchvision_cure  # noqa: F401  (first: see there)

from diffusers import DDPMPipeline, UNet2DModel

from difflab.errors import UserError, reading


def load_pretrained_unet(checkpoint: str) -> UNet2DModel:
    """The U-Net of an unconditional pipeline that diffusers loads: a folder or a hub id like google/ddpm-celebahq-256.

    Raises UserError when there is none, or when it does not take 3-channel images.
    """
    with reading(f"faces.checkpoint: found {checkpoint!r}, allowed: a folder or hub id of diffusers"):
        unet = DDPMPipeline.from_pretrained(checkpoint, use_safetensors=True).unet
    if unet.config.in_channels != 3:
        raise UserError(f"faces.checkpoint: found {checkpoint!r} with {unet.config.in_channels} channels, allowed: 3")
    return unet
