"""Classes by their names alone: the prompt most like the image (Radford et al. 2021, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from difflab.clip.model_folder import Clip
from difflab.clip.tokenizer import tokenize
from difflab.data.images import read_image

BATCH_SIZE = 100


@torch.inference_mode()
def embed_texts(clip: Clip, prompts: Sequence[str]) -> Tensor:
    """(N, D) of length 1, on the CPU. Raises UserError when a prompt has an unknown word or is too long."""
    tokens = tokenize(clip.tokenizer, prompts).to(clip.model.device)
    return _embeddings(clip.model.get_text_features(input_ids=tokens))


@torch.inference_mode()
def embed_images(clip: Clip, files: Sequence[Path]) -> Tensor:
    """(N, D) of length 1, on the CPU. Raises DataError when a file cannot be read as an image."""
    batches = []
    for start in tqdm(range(0, len(files), BATCH_SIZE), desc="images", delay=2):
        images = [read_image(file).convert("RGB") for file in files[start : start + BATCH_SIZE]]
        pixels = clip.image_processor(images=images, return_tensors="pt").pixel_values.to(clip.model.device)
        batches.append(_embeddings(clip.model.get_image_features(pixel_values=pixels)))
    return torch.cat(batches)


def _embeddings(projected: Any) -> Tensor:
    """Of transformers' BaseModelOutputWithPooling."""
    return F.normalize(projected.pooler_output, dim=1).cpu()


def classify(clip: Clip, files: Sequence[Path], labels: Sequence[str], template: str) -> Tensor:
    """The index (N,) int64 in `labels` of each image: that of the prompt of largest cosine similarity.

    `template` makes the prompt of a label: A photo of a {object}.
    """
    texts = embed_texts(clip, [template.replace("{object}", label) for label in labels])
    return (embed_images(clip, files) @ texts.T).argmax(1)
