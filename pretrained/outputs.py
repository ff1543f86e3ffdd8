"""Example outputs of each model of pretrained/, compared by tests/shipped/test_shipped_models.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from difflab.diffusion.pretrained import load_pretrained
from difflab.systems.text_to_image.model_folder import load_text_to_image
from difflab.systems.zero_shot.clip import load_clip, tokenize

OUTPUTS = "outputs.json"
TIMESTEP = 500
PROMPTS = ("red circle on white background", "a photo of a green seven.")


def outputs_of(name: str, folder: Path) -> list[float]:
    """Sixteen output values of the model in `folder`, for fixed inputs."""
    with torch.inference_mode():
        outputs = OUTPUTS_OF[name](str(folder)).flatten()
    return outputs[:: max(1, len(outputs) // 16)][:16].tolist()


def _faces(folder: str) -> Tensor:
    pipeline = load_pretrained(folder)
    return pipeline.unet.eval()(_noise(1, pipeline.unet.config), TIMESTEP).sample


def _clip(folder: str) -> Tensor:
    clip = load_clip(folder, "clip.pretrained")
    config: Any = clip.model.config.vision_config
    size = config.image_size
    images = torch.linspace(-1, 1, 3 * size**2).reshape(1, 3, size, size)
    embeddings = clip.model(input_ids=tokenize(clip.tokenizer, PROMPTS), pixel_values=images)
    return torch.cat([embeddings.text_embeds, embeddings.image_embeds])


def _text_to_image(folder: str) -> Tensor:
    pipeline = load_text_to_image(folder, "text_to_image.pretrained")
    tokens = tokenize(pipeline.tokenizer, PROMPTS)
    latents = _noise(len(PROMPTS), pipeline.unet.config)
    predicted = pipeline.unet(latents, TIMESTEP, pipeline.text_encoder(tokens).last_hidden_state).sample
    return torch.cat([predicted.flatten(), pipeline.vae.decode(latents).sample.flatten()])


def _noise(count: int, config) -> Tensor:
    shape = (count, config["in_channels"], config["sample_size"], config["sample_size"])
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


OUTPUTS_OF: dict[str, Callable[[str], Tensor]] = {"faces": _faces, "clip": _clip, "text_to_image": _text_to_image}
