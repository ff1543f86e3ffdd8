"""CLIP embeddings of texts and images, and zero-shot classification."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor
from torch.nn import functional as F

from difflab.data.images import stream_images
from difflab.systems.zero_shot.clip import Clip, tokenize

BATCH_SIZE = 100


@torch.inference_mode()
def embed_texts(clip: Clip, texts: Sequence[str]) -> Tensor:
    """Normalized embeddings of texts, (N, D). Raises UserError when a text has an unknown word or is too long."""
    tokens = tokenize(clip.tokenizer, texts).to(clip.model.device)
    output: Any = clip.model.get_text_features(input_ids=tokens)
    return F.normalize(output.pooler_output, dim=1).cpu()


@torch.inference_mode()
def embed_images(clip: Clip, images: Iterable[Image] | Iterable[Tensor]) -> Tensor:
    """Normalized embeddings, (N, D), of RGB images or tensors (3, H, W) uint8, of any size."""
    remaining: Iterator[Any] = iter(images)
    parts = []
    while batch := list(islice(remaining, BATCH_SIZE)):
        pixels = clip.image_processor(images=batch, return_tensors="pt").pixel_values
        output: Any = clip.model.get_image_features(pixel_values=pixels.to(clip.model.device))
        parts.append(F.normalize(output.pooler_output, dim=1).cpu())
    return torch.cat(parts)


def classify(clip: Clip, files: Sequence[Path], labels: Sequence[str], template: str) -> Tensor:
    """Predict the label of each image by the largest cosine similarity to its prompt: (N,) int64 indices in `labels`.

    `template`: the prompt for a label, such as "A photo of a {object}." Of equal labels, the first is predicted. Raises
    UserError when a prompt has an unknown word or is too long, DataError when a file cannot be read as an image.
    """
    distinct = list(dict.fromkeys(labels))
    first = torch.tensor([labels.index(label) for label in distinct])
    texts = embed_texts(clip, [template.replace("{object}", label) for label in distinct])
    images = (image.convert("RGB") for image in stream_images(files, "images"))
    return first[(embed_images(clip, images) @ texts.T).argmax(1)]
