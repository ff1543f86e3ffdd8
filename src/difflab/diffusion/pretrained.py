"""Load pretrained unconditional models from a folder or the Hugging Face hub."""

import torch
from diffusers import UNet2DModel

from difflab.diffusion.pipelines import PATCH_SIZES, UnconditionalPipeline
from difflab.errors import UserError, reading
from difflab.models.hub import require_reachable, split_revision
from difflab.models.safe_loading import require_schedule, require_weights


def load_pretrained(checkpoint: str) -> UnconditionalPipeline:
    """Load a pipeline from a folder written by diffusers or difflab, or from a hub id such as google/ddpm-celebahq-256.

    Weights are converted to float32; they are read from safetensors files or else from .bin files, of which only
    tensors are unpickled. Raises UserError when the model is missing or cannot be reached, weights are missing or not
    finite, the β are invalid, or it is not an unconditional UNet2DModel for square 3-channel images.
    """
    name, revision = split_revision(checkpoint)
    place = f"faces.checkpoint: found {checkpoint!r}"
    require_reachable(checkpoint, "faces.checkpoint", "model_index.json")
    with reading(f"{place}, allowed: a folder or hub id of diffusers"):
        pipeline = UnconditionalPipeline.from_pretrained(name, revision=revision, dtype=torch.float32)
    unet, patch_size = pipeline.unet, pipeline.config["patch_size"]
    if not isinstance(unet, UNet2DModel):
        raise UserError(f"{place} with a {type(unet).__name__}, allowed: a UNet2DModel")
    if patch_size not in PATCH_SIZES:
        raise UserError(f"{place} with patch_size {patch_size!r}, allowed: one of {PATCH_SIZES}")
    config, channels = unet.config, 3 * patch_size**2
    if (config["in_channels"], config["out_channels"]) != (channels, channels):
        found = f"{config['in_channels']} channels in and {config['out_channels']} out"
        raise UserError(f"{place} with {found}, allowed: {channels} of each")
    if config["class_embed_type"] or config["num_class_embeds"]:
        raise UserError(f"{place} with a condition, allowed: an unconditional one")
    if not isinstance(config["sample_size"], int):
        raise UserError(f"{place} with sample_size {config['sample_size']}, allowed: pixels a side")
    require_weights(unet, f"faces.checkpoint: {checkpoint}")
    require_schedule(pipeline.scheduler, f"faces.checkpoint: {checkpoint}")
    return pipeline
