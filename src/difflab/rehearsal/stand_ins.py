"""Replacements for missing files in a rehearsal: random images, and random weights of the real sizes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
import transformers
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel, UNet2DModel
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTextConfig, CLIPTextModel

from difflab.data.captioned_images import CAPTION, FILE, INDEX
from difflab.data.classes import DIGITS
from difflab.data.dataset import SPLITS, ImageDataset
from difflab.diffusion.schedules import linear_betas
from difflab.diffusion.unet import save_model_folder
from difflab.rehearsal.small import TEST
from difflab.rehearsal.work import Numbers
from difflab.systems.faces.course_unet import CONFIG as FACE_UNET
from difflab.systems.zero_shot.clip import Clip, build_tokenizer, save_clip

RAW = {"mnist": (1, 28), "mnistm": (3, 28), "svhn": (3, 32), "usps": (1, 16)}  # channels and pixels per side
PHOTOGRAPH = 512  # pixels per side
TEXT_LENGTH = 77  # tokens of a CLIP prompt
# Settings of CompVis/stable-diffusion-v1-4; the defaults of transformers are those of CLIP ViT-B/32.
UNET: dict[str, Any] = {
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280, 1280),
    "attention_head_dim": 8,
    "cross_attention_dim": 768,
}
VAE: dict[str, Any] = {
    "sample_size": 512,
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
}
TEXT: dict[str, Any] = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "projection_dim": 768,
}
SCHEDULER: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "skip_prk_steps": True,
    "steps_offset": 1,
}


def write_data(folder: Path, numbers: Numbers, sizes: dict[str, int]) -> None:
    """Write data/DATASET.safetensors with random images, equally many of each class.

    `sizes`: pixels per side of the prepared images, by data set.
    """
    for name, size in sizes.items():
        counts, classes = (numbers.train[name],), numbers.classes.get(name, ())
        if classes:
            counts += numbers.validation[name], max(TEST, 10 * len(classes))
        labels = torch.cat([torch.arange(count) % max(1, len(classes)) for count in counts])
        dataset = _dataset(labels, counts, *RAW.get(name, (3, size)))
        replace(dataset, classes=classes or DIGITS).save(folder / f"{name}.safetensors")


def _dataset(labels: torch.Tensor, counts: tuple[int, ...], channels: int, size: int) -> ImageDataset:
    generator = torch.Generator().manual_seed(0)
    shape = len(labels), channels, size, size
    images = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
    splits = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts)).to(torch.uint8)
    assert len(counts) <= len(SPLITS)
    return ImageDataset(images, labels, splits, "random images")


def write_photographs(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(256, size=(count, PHOTOGRAPH, PHOTOGRAPH, 3), dtype=np.uint8)
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{number:02d}.png")


def write_captioned(folder: Path, count: int) -> None:
    """Write captioned images in the layout of imagefolder; each caption is a word of the circle captions."""
    write_photographs(folder, count)
    lines = [json.dumps({FILE: file.name, CAPTION: "circle"}) for file in sorted(folder.iterdir())]
    (folder / INDEX).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _quietly() -> None:
    """Hide the progress bars of libraries that write models."""
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()


def write_clip(folder: Path, words: list[str]) -> None:
    """Write a CLIP ViT-B/32 with random weights, whose tokenizer knows `words`."""
    _quietly()
    model = CLIPModel(CLIPConfig()).half()
    save_clip(folder, Clip(model, _tokenizer(words, CLIPTextConfig().vocab_size), CLIPImageProcessor()))


def write_text_to_image(folder: Path, words: list[str]) -> None:
    """Write a Stable Diffusion 1 with random weights, whose tokenizer knows `words`."""
    _quietly()
    text_encoder = CLIPTextModel(CLIPTextConfig(**TEXT)).half()
    language: Any = {"text_encoder": text_encoder, "tokenizer": _tokenizer(words, CLIPTextConfig().vocab_size)}
    parts: Any = {
        "vae": AutoencoderKL(**VAE).half(),
        "unet": UNet2DConditionModel(**UNET).half(),
        "scheduler": PNDMScheduler(**SCHEDULER),
        "feature_extractor": CLIPImageProcessor(),
        "safety_checker": None,
    }
    StableDiffusionPipeline(**language, **parts, requires_safety_checker=False).save_pretrained(folder)


def write_face_model(folder: Path) -> None:
    """Write a model of the size of google/ddpm-celebahq-256, with random weights."""
    unet = UNet2DModel(**FACE_UNET)
    save_model_folder(folder, "UnconditionalPipeline", {"unet": unet}, linear_betas(1000, 1e-4, 0.02))


def _tokenizer(words: list[str], size: int) -> Any:
    """A tokenizer with `size` tokens: `words`, fillers that occur in no prompt, and three special tokens."""
    known = sorted(set(words))
    return build_tokenizer([*known, *(f"token{number}" for number in range(size - len(known) - 3))], TEXT_LENGTH)
