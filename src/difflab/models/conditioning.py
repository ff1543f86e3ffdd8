"""Conditioning vectors: what a recipe tells its network about the image to draw."""

from __future__ import annotations

import difflab.torchvision_cure  # noqa: F401  (first: see there)

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

NUM_DIGITS = 10


class DigitDomainCondition(ModelMixin, ConfigMixin):
    """Embeddings of digit and domain, concatenated and projected to the width of the time embedding.

    Each residual block projects the sum of the time embedding and this vector, which is the same as projecting the
    concatenation of time, digit and domain. Index `NUM_DIGITS` and `len(domains)` mean "no condition" (the ∅ of Ho &
    Salimans 2022).
    """

    @register_to_config
    def __init__(self, domains: list[str], digit_dim: int, domain_dim: int, embedding_dim: int):
        super().__init__()
        self.digit = nn.Embedding(NUM_DIGITS + 1, digit_dim)
        self.domain = nn.Embedding(len(domains) + 1, domain_dim)
        self.project = nn.Linear(digit_dim + domain_dim, embedding_dim)

    def forward(self, digits: Tensor, domains: Tensor) -> Tensor:
        """`digits` (N,) int64 in 0..10 and `domains` (N,) int64 in 0..len(domains) to (N, embedding_dim)."""
        return self.project(torch.cat([self.digit(digits), self.domain(domains)], dim=1))

    def null(self, count: int) -> Tensor:
        """The vectors of `count` images without a condition, (count, embedding_dim)."""
        device = self.digit.weight.device
        digits = torch.full((count,), NUM_DIGITS, device=device)
        return self(digits, torch.full_like(digits, len(self.config["domains"])))
