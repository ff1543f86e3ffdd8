"""The contrastive objective of CLIP."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPModel

from difflab.systems.zero_shot.training import UNSAID

MAX_LOGIT_SCALE = math.log(100)  # Radford et al. 2021, section 2.5


class ContrastiveTask(nn.Module):
    """Symmetric cross-entropy of the similarities of a batch's images and captions (Radford et al. 2021, figure 3).

    Each image belongs to its own caption. Another caption that is true of it too is no wrong answer: it is left out.
    """

    def __init__(self, clip: CLIPModel):
        super().__init__()
        self.clip = clip

    def forward(self, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
        """The mean loss of `images` (N, 3, S, S) uint8, `tokens` (N, L), and `shown`, `said` (N, K), all int64.

        Their meaning is that of CaptionedImages.
        """
        images = batch["images"].float() / 127.5 - 1
        embeddings = self.clip(input_ids=batch["tokens"], pixel_values=images)
        scale = self.clip.logit_scale.clamp(max=MAX_LOGIT_SCALE).exp()
        logits = scale * embeddings.image_embeds.float() @ embeddings.text_embeds.float().T
        return symmetric_cross_entropy(logits, are_true(batch["said"], batch["shown"]))


def are_true(said: Tensor, shown: Tensor) -> Tensor:
    """(N, N) bool: whether image i shows all that caption j says, of `said` and `shown` (N, K)."""
    return ((said == shown[:, None]) | (said == UNSAID)).all(2)


def symmetric_cross_entropy(logits: Tensor, true: Tensor) -> Tensor:
    """Of (N, N) similarities of images and captions, the `true` ones (N, N) left out beside the diagonal."""
    own = torch.arange(len(logits), device=logits.device)
    logits = logits.masked_fill(true & (own[:, None] != own), -math.inf)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
