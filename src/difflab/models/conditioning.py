"""Conditioning vectors: what a recipe tells its network about the image to draw.

Every kind takes labels (N,) int64 in 0..K−1 and domains (N,) int64, indices into `config["domains"]`, to vectors of the
width of the time embedding, which the U-Net adds to it; `null` gives those of "no condition", the ∅ of Ho & Salimans
2022. Each residual block projects the sum to a scale and a shift of its features, which is the same as projecting time
and condition concatenated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import ConfigMixin, ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

from difflab.config.diffusion import ConditionParams

DIGITS = tuple("0123456789")


class _Classes(ModelMixin, ConfigMixin):
    """`classes`, the names of the labels; config.json has them where they are not the ten digits."""

    def __init__(self, classes: Sequence[str], **config: Any):
        super().__init__()
        self.classes = tuple(classes)
        self.register_to_config(**config, **({} if self.classes == DIGITS else {"classes": list(classes)}))


class DigitDomainCondition(_Classes):
    """Embeddings of label and domain, concatenated and projected; the last index of each means "no condition"."""

    def __init__(
        self,
        domains: list[str],
        digit_dim: int,
        domain_dim: int,
        embedding_dim: int,
        classes: Sequence[str] = DIGITS,
    ):
        super().__init__(
            classes, domains=domains, digit_dim=digit_dim, domain_dim=domain_dim, embedding_dim=embedding_dim
        )
        self.digit = nn.Embedding(len(self.classes) + 1, digit_dim)
        self.domain = nn.Embedding(len(domains) + 1, domain_dim)
        self.project = nn.Linear(digit_dim + domain_dim, embedding_dim)

    def forward(self, digits: Tensor, domains: Tensor) -> Tensor:
        """(N, embedding_dim)."""
        return self.project(torch.cat([self.digit(digits), self.domain(domains)], dim=1))

    def null(self, count: int) -> Tensor:
        """(count, embedding_dim)."""
        digits = torch.full((count,), len(self.classes), device=self.digit.weight.device)
        return self(digits, torch.full_like(digits, len(self.config["domains"])))


class ClassEmbeddingCondition(_Classes):
    """An embedding of the label; domains play no part. The last index means "no condition"."""

    def __init__(self, domains: list[str], embedding_dim: int, classes: Sequence[str] = DIGITS):
        super().__init__(classes, domains=domains, embedding_dim=embedding_dim)
        self.digit = nn.Embedding(len(self.classes) + 1, embedding_dim)

    def forward(self, digits: Tensor, domains: Tensor) -> Tensor:
        """(N, embedding_dim)."""
        return self.digit(digits)

    def null(self, count: int) -> Tensor:
        """(count, embedding_dim)."""
        return self.digit(torch.full((count,), len(self.classes), device=self.digit.weight.device))


class OneHotCondition(_Classes):
    """One-hot of the class label + K · domain, projected; all zeros, which stay zeros, mean "no condition"."""

    def __init__(self, domains: list[str], embedding_dim: int, classes: Sequence[str] = DIGITS):
        super().__init__(classes, domains=domains, embedding_dim=embedding_dim)
        self.num_classes = len(self.classes) * len(domains)
        self.project = nn.Linear(self.num_classes, embedding_dim, bias=False)
        nn.init.normal_(self.project.weight)  # as far apart as nn.Embedding's rows: by default classes hardly differ

    def forward(self, digits: Tensor, domains: Tensor) -> Tensor:
        """(N, embedding_dim)."""
        return self.project(F.one_hot(digits + len(self.classes) * domains, self.num_classes).float())

    def null(self, count: int) -> Tensor:
        """(count, embedding_dim)."""
        return self.project(torch.zeros(count, self.num_classes, device=self.device))


Condition = DigitDomainCondition | ClassEmbeddingCondition | OneHotCondition


def make_condition(
    params: ConditionParams, domains: list[str], embedding_dim: int, classes: Sequence[str] = DIGITS
) -> Condition:
    """The module of `params.kind` for a network whose time embedding has `embedding_dim` entries."""
    match params.kind:
        case "digit_and_domain":
            return DigitDomainCondition(domains, params.digit_dim, params.domain_dim, embedding_dim, classes)
        case "class_embedding":
            return ClassEmbeddingCondition(domains, embedding_dim, classes)
        case "one_hot":
            return OneHotCondition(domains, embedding_dim, classes)
