"""How like a concept's images, and how like a text, CLIP finds images (Kumari et al. 2022, section 4)."""

from __future__ import annotations

from typing import Any

import difflab.torchvision_cure  # noqa: F401  (first: see there)

import torch
from torch import Tensor
from torch.nn import functional as F

from difflab.clip.model_folder import Clip
from difflab.clip.tokenizer import tokenize

BATCH = 64


@torch.inference_mode()
def image_embeddings(clip: Clip, images: Tensor) -> Tensor:
    """(N, D), of length 1, of (N, 3, H, W) uint8."""
    parts = []
    for batch in images.split(BATCH):
        inputs = clip.image_processor(list(batch), return_tensors="pt")
        output: Any = clip.model.get_image_features(inputs["pixel_values"].to(clip.model.device))
        parts.append(F.normalize(output.pooler_output, dim=-1).cpu())
    return torch.cat(parts)


@torch.inference_mode()
def text_embedding(clip: Clip, text: str) -> Tensor:
    """(D,), of length 1. Raises UserError where the tokenizer does not know a word."""
    tokens = tokenize(clip.tokenizer, [text]).to(clip.model.device)
    output: Any = clip.model.get_text_features(tokens)
    return F.normalize(output.pooler_output[0], dim=-1).cpu()
