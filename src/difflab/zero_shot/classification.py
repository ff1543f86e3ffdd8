"""Classes by their names alone: the prompt most like the image (Radford et al. 2021, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from difflab.data.images import stream_images
from difflab.systems.zero_shot.classification import embed_images, embed_texts
from difflab.systems.zero_shot.clip import Clip


def classify(clip: Clip, files: Sequence[Path], labels: Sequence[str], template: str) -> Tensor:
    """The index (N,) int64 in `labels` of each image: that of the prompt of largest cosine similarity.

    `template` makes the prompt of a label: A photo of a {object}. Of equal labels, which no prompt tells apart, it is
    the first. Raises UserError when a prompt has an unknown word or is too long, DataError when a file cannot be read
    as an image.
    """
    distinct = list(dict.fromkeys(labels))
    first = torch.tensor([labels.index(label) for label in distinct])
    texts = embed_texts(clip, [template.replace("{object}", label) for label in distinct])
    images = (image.convert("RGB") for image in stream_images(files, "images"))
    return first[(embed_images(clip, images) @ texts.T).argmax(1)]
