"""Conditioning vectors for class labels and domains.

Every kind maps labels (N,) int64 in 0..K−1 and domains (N,) int64, indices into `config["domains"]`, to vectors of the
width of the time embedding, to which the U-Net adds them. `null` gives the vectors of "no condition", ∅ in Ho &
Salimans 2022. Each residual block projects the sum to a scale and a shift of its features, which is equivalent to
projecting time and condition concatenated.
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
    """Base class with `classes`, the names of the labels; config.json contains them unless they are the ten digits."""

    def __init__(self, classes: Sequence[str], **config: Any):
        super().__init__()
        self.classes = tuple(classes)
        self.register_to_config(**config, **({} if self.classes == DIGITS else {"classes": list(classes)}))


class DigitDomainCondition(_Classes):
    """Embeddings of label and domain, concatenated and projected; the last index of each is "no condition"."""

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
    """An embedding of the label; domains are ignored. The last index is "no condition"."""

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
    """One-hot vector of label + K · domain, projected without bias; the zero vector is "no condition"."""

    def __init__(self, domains: list[str], embedding_dim: int, classes: Sequence[str] = DIGITS):
        super().__init__(classes, domains=domains, embedding_dim=embedding_dim)
        self.num_classes = len(self.classes) * len(domains)
        self.project = nn.Linear(self.num_classes, embedding_dim, bias=False)
        nn.init.normal_(self.project.weight)  # as for nn.Embedding; with Linear's default, classes hardly differ

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
    """The conditioning module of `params.kind`, for a time embedding of width `embedding_dim`."""
    match params.kind:
        case "digit_and_domain":
            return DigitDomainCondition(domains, params.digit_dim, params.domain_dim, embedding_dim, classes)
        case "class_embedding":
            return ClassEmbeddingCondition(domains, embedding_dim, classes)
        case "one_hot":
            return OneHotCondition(domains, embedding_dim, classes)
