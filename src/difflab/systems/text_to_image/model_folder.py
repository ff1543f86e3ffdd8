"""A text-to-image model as the folder, or hub id, that diffusers' StableDiffusionPipeline loads."""

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
    """The pipeline of a folder or of a hub id, without its safety checker, its networks frozen, in eval mode, float32.

    Raises UserError, one line that begins with `key`, or with the place, where it is missing, a component is, it is of
    another kind, weights are missing or not finite, the β cannot work, or a hub id cannot be reached.
    """
    name, revision = split_revision(place)
    require_reachable(place, key, "model_index.json")
    with reading(_refusal(place, key)):
        # diffusers would not say which weights of the text encoder transformers has made up.
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
        pipeline.vae.enable_slicing()  # it decodes one image at a time: 512×512 pixels fill 2.5 GiB
    return pipeline


def load_autoencoder(place: str | Path, key: str = "", subfolder: str | None = None) -> AutoencoderKL:
    """The autoencoder of a folder or hub id, or of its subfolder, in eval mode. Raises UserError as above."""
    name, revision = split_revision(place)
    require_reachable(place, key, "model_index.json")
    with reading(_refusal(place, key)):
        autoencoder = AutoencoderKL.from_pretrained(
            name, revision=revision, subfolder=subfolder, use_safetensors=True, dtype=torch.float32
        ).eval()
    require_weights(autoencoder, f"{key}: {place}" if key else place)
    return autoencoder


def image_size(pipeline: StableDiffusionPipeline | StableDiffusionControlNetPipeline) -> int:
    """Pixels a side that the model was trained on."""
    return pipeline.unet.config.sample_size * pipeline.vae_scale_factor


def _refusal(place: str | Path, key: str) -> str:
    found = f"{key}: found {str(place)!r}" if key else f"{place}: found no text-to-image model that can be read"
    return f"{found}, allowed: a folder or hub id of a StableDiffusionPipeline"
