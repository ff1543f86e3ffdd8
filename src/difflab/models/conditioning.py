"""Conditioning vectors: what a recipe tells its network about the image to draw.

Every kind takes digits (N,) int64 in 0..9 and domains (N,) int64, indices into `config["domains"]`, to vectors of the
width of the time embedding, which the U-Net adds to it; `null` gives those of "no condition", the ∅ of Ho & Salimans
2022. Each residual block projects the sum to a scale and a shift of its features, which is the same as projecting time
and condition concatenated.
"""

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional as F

from difflab.config.diffusion import ConditionParams

NUM_DIGITS = 10


class DigitDomainCondition(ModelMixin, ConfigMixin):
    """Embeddings of digit and domain, concatenated and projected; the last index of each means "no condition"."""

    @register_to_config
    def __init__(self, domains: list[str], digit_dim: int, domain_dim: int, embedding_dim: int):
        super().__init__()
        self.digit = nn.Embedding(NUM_DIGITS + 1, digit_dim)
        self.domain = nn.Embedding(len(domains) + 1, domain_dim)
        self.project = nn.Linear(digit_dim + domain_dim, embedding_dim)

    def forward(self, digits: Tensor, domains: Tensor) -> Tensor:
        """(N, embedding_dim)."""
        return self.project(torch.cat([self.digit(digits), self.domain(domains)], dim=1))

    def null(self, count: int) -> Tensor:
        """(count, embedding_dim)."""
        digits = torch.full((count,), NUM_DIGITS, device=self.digit.weight.device)
        return self(digits, torch.full_like(digits, len(self.config["domains"])))


class ClassEmbeddingCondition(ModelMixin, ConfigMixin):
    """An embedding of the digit; domains play no part. Index `NUM_DIGITS` means "no condition"."""

    @register_to_config
    def __init__(self, domains: list[str], embedding_dim: int):
        super().__init__()
        self.digit = nn.Embedding(NUM_DIGITS + 1, embedding_dim)

    def forward(self, digits: Tensor, domains: Tensor) -> Tensor:
        """(N, embedding_dim)."""
        return self.digit(digits)

    def null(self, count: int) -> Tensor:
        """(count, embedding_dim)."""
        return self.digit(torch.full((count,), NUM_DIGITS, device=self.digit.weight.device))


class OneHotCondition(ModelMixin, ConfigMixin):
    """One-hot of the class digit + 10 · domain, projected; all zeros, which stay zeros, mean "no condition"."""

    @register_to_config
    def __init__(self, domains: list[str], embedding_dim: int):
        super().__init__()
        self.num_classes = NUM_DIGITS * len(domains)
        self.project = nn.Linear(self.num_classes, embedding_dim, bias=False)
        nn.init.normal_(self.project.weight)  # as far apart as nn.Embedding's rows: by default classes hardly differ

    def forward(self, digits: Tensor, domains: Tensor) -> Tensor:
        """(N, embedding_dim)."""
        return self.project(F.one_hot(digits + NUM_DIGITS * domains, self.num_classes).float())

    def null(self, count: int) -> Tensor:
        """(count, embedding_dim)."""
        return self.project(torch.zeros(count, self.num_classes, device=self.device))


Condition = DigitDomainCondition | ClassEmbeddingCondition | OneHotCondition


def make_condition(params: ConditionParams, domains: list[str], embedding_dim: int) -> Condition:
    """The module of `params.kind` for a network whose time embedding has `embedding_dim` entries."""
    match params.kind:
        case "digit_and_domain":
            assert params.digit_dim and params.domain_dim  # ConditionParams saw to it
            return DigitDomainCondition(domains, params.digit_dim, params.domain_dim, embedding_dim)
        case "class_embedding":
            return ClassEmbeddingCondition(domains, embedding_dim)
        case "one_hot":
            return OneHotCondition(domains, embedding_dim)
