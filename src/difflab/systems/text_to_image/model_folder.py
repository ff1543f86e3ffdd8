"""Load text-to-image models for diffusers' StableDiffusionPipeline, from a folder or hub id."""

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, StableDiffusionControlNetPipeline, StableDiffusionPipeline
from transformers import CLIPTextModel

from difflab.errors import UserError, reading
from difflab.models.hub import require_reachable, split_revision
from difflab.models.safe_loading import require_schedule, require_weights
from difflab.systems.text_to_image.autoencoder import LARGEST_BATCH, encoded_at_once

MODEL = Path("models/text_to_image")
UNET = MODEL / "unet/diffusion_pytorch_model.safetensors"
AUTOENCODER = Path("models/autoencoder")
COMPONENTS = ("vae", "text_encoder", "tokenizer", "unet", "scheduler")


def load_text_to_image(place: str | Path = MODEL, key: str = "") -> StableDiffusionPipeline:
    """Load a pipeline from a folder or hub id, without safety checker; networks are frozen, in eval mode and float32.

    Raises UserError, one line that begins with `key` or else with `place`, when the model, a component or weights are
    missing, the model is of another kind, weights are not finite, the β are invalid, or the hub cannot be reached.
    """
    name, revision = split_revision(place)
    require_reachable(place, key, "model_index.json")
    with reading(_refusal(place, key)):
        # diffusers does not report missing weights of the text encoder, which transformers initializes at random.
        encoder: Any = CLIPTextModel.from_pretrained(
            name,
            revision=revision,
            subfolder="text_encoder",
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    text_encoder, report = encoder
    if missing := sorted(report["missing_keys"]):
        raise UserError(f"{_refusal(place, key)}: text_encoder lacks the weights {', '.join(missing[:3])}, …")
    with reading(_refusal(place, key)):
        pipeline = StableDiffusionPipeline.from_pretrained(
            name,
            revision=revision,
            text_encoder=text_encoder,
            use_safetensors=True,
            dtype=torch.float32,
            safety_checker=None,
            requires_safety_checker=False,
        )
    if missing := [name for name in COMPONENTS if getattr(pipeline, name, None) is None]:
        raise UserError(f"{_refusal(place, key)}: it has no {', '.join(missing)}")
    label = f"{key}: {place}" if key else str(place)
    for name in ("vae", "text_encoder", "unet"):
        network = getattr(pipeline, name)
        require_weights(network, f"{label}/{name}")
        network.requires_grad_(False).eval()
    require_schedule(pipeline.scheduler, f"{label}/scheduler")
    positions = pipeline.text_encoder.config.max_position_embeddings
    pipeline.tokenizer.model_max_length = min(pipeline.tokenizer.model_max_length, positions)
    pipeline.set_progress_bar_config(disable=True)
    if encoded_at_once(image_size(pipeline)) < LARGEST_BATCH:
        pipeline.vae.enable_slicing()  # decodes one image at a time: 512×512 pixels need 2.5 GiB
    return pipeline


def load_autoencoder(place: str | Path, key: str = "", subfolder: str | None = None) -> AutoencoderKL:
    """Load an autoencoder from a folder or hub id, or a subfolder of it, in float32 and eval mode.

    Raises UserError as `load_text_to_image` does.
    """
    name, revision = split_revision(place)
    require_reachable(place, key, "model_index.json")
    with reading(_refusal(place, key)):
        autoencoder = AutoencoderKL.from_pretrained(
            name, revision=revision, subfolder=subfolder, use_safetensors=True, dtype=torch.float32
        ).eval()
    require_weights(autoencoder, f"{key}: {place}" if key else place)
    return autoencoder


def image_size(pipeline: StableDiffusionPipeline | StableDiffusionControlNetPipeline) -> int:
    """Image size, in pixels a side, for which the model was trained."""
    return pipeline.unet.config.sample_size * pipeline.vae_scale_factor


def _refusal(place: str | Path, key: str) -> str:
    found = f"{key}: found {str(place)!r}" if key else f"{place}: found no text-to-image model that can be read"
    return f"{found}, allowed: a folder or hub id of a StableDiffusionPipeline"
