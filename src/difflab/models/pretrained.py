"""Networks that others trained."""

from __future__ import annotations

from diffusers import DDPMPipeline, UNet2DModel

from difflab.errors import UserError, reading
from difflab.models.safe_loading import require_weights


def load_pretrained_unet(checkpoint: str) -> UNet2DModel:
    """The U-Net of an unconditional pipeline that diffusers loads: a folder or a hub id like google/ddpm-celebahq-256.

    Raises UserError when there is none, weights are missing or not finite, or it does not take 3-channel images alone.
    """
    place = f"faces.checkpoint: found {checkpoint!r}"
    with reading(f"{place}, allowed: a folder or hub id of diffusers"):
        unet = DDPMPipeline.from_pretrained(checkpoint, use_safetensors=True).unet
    if not isinstance(unet, UNet2DModel):
        raise UserError(f"{place} with a {type(unet).__name__}, allowed: a UNet2DModel")
    config = unet.config
    if (config["in_channels"], config["out_channels"]) != (3, 3):
        found = f"{config['in_channels']} channels in and {config['out_channels']} out"
        raise UserError(f"{place} with {found}, allowed: 3 of each")
    if config["class_embed_type"] or config["num_class_embeds"]:
        raise UserError(f"{place} with a condition, allowed: an unconditional one")
    if not isinstance(config["sample_size"], int):
        raise UserError(f"{place} with sample_size {config['sample_size']}, allowed: pixels a side")
    require_weights(unet, f"faces.checkpoint: {checkpoint}")
    return unet
