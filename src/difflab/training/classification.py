"""The classification objective."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ClassificationTask(nn.Module):
    """Cross-entropy of `classifier`, a module that takes images in [-1, 1] to one logit for each class."""

    def __init__(self, classifier: nn.Module):
        super().__init__()
        self.classifier = classifier

    def forward(self, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
        """`images` (N, 3, S, S) uint8 and `digits` (N,) int64; returns the mean loss."""
        images = batch["images"].float() / 127.5 - 1
        return F.cross_entropy(self.classifier(images).float(), batch["digits"])
