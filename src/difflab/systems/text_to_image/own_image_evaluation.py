"""Metrics of a text-to-image model trained on the user's images: CLIP similarity of samples and held-out captions."""

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from difflab.data.captioned_images import CaptionedImages, read_rgb
from difflab.evaluation.intervals import median
from difflab.systems.zero_shot.classification import embed_images, embed_texts
from difflab.systems.zero_shot.clip import Clip

PROTOCOL = {
    "clip_text": "median cosine of CLIP's embeddings of an image and of its caption; real: of the real images",
    "clip_image": "median cosine of CLIP's embeddings of an image and of the real image of its caption",
    "interval": "of the median: 95 %, exact, from order statistics",
    "captions": "held out",
}


def own_image_metrics(images: NDArray[np.uint8], held_out: CaptionedImages, clip: Clip) -> dict[str, Any]:
    """Metrics of `images` (N, S, S, 3) uint8, one sampled for each caption of `held_out`.

    Raises UserError when CLIP's tokenizer does not know a word.
    """
    size = images.shape[1]
    ours = embed_images(clip, torch.from_numpy(images).permute(0, 3, 1, 2))
    real, texts = embed_images(clip, read_rgb(held_out.files, size)), embed_texts(clip, held_out.captions)
    of_text, of_real = _cosines(ours, texts), median(_cosines(real, texts))
    return {
        "num_images": len(images),
        "clip_text": asdict(median(of_text)) | {"real": of_real.value},
        "clip_image": asdict(median(_cosines(ours, real))),
        "protocol": PROTOCOL | {"image_size": size},
    }


def _cosines(ours: Tensor, others: Tensor) -> NDArray[np.float64]:
    """Cosine similarities of the rows, which are normalized."""
    return (ours * others).sum(1).double().numpy()
