"""The layer that makes features forget their domain (Ganin et al. 2016, JMLR 17, section 4.2)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: float) -> Tensor:
        ctx.weight = weight
        return features.view_as(features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        return -ctx.weight * gradient, None


def reverse_gradient(features: Tensor, weight: float) -> Tensor:
    """`features` as they are; the gradient that comes back through them is multiplied by −`weight`."""
    reversed_features: Any = _Reversal.apply(features, weight)
    return reversed_features


def reversal_weight(progress: float) -> float:
    """λ(p) = 2 / (1 + exp(−10 p)) − 1 of `progress` p from 0 to 1 (Ganin et al. 2016, eq. 14): from 0 to nearly 1."""
    return 2 / (1 + math.exp(-10 * progress)) - 1
