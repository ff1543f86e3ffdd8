"""The objectives of domain adaptation: DANN and minimum class confusion."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from difflab.classifiers.digit_classifier import DigitClassifier
from difflab.config.training import ConfusionParams
from difflab.data.pixels import to_signed
from difflab.models.task import Task
from difflab.training.loader import Loader


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
    """The identity, whose gradient is multiplied by −`weight` in the backward pass."""
    reversed_features: Any = _Reversal.apply(features, weight)
    return reversed_features


def reversal_weight(progress: float) -> float:
    """λ(p) = 2 / (1 + exp(−10 p)) − 1 for `progress` p in [0, 1] (Ganin et al. 2016, eq. 14): from 0 to nearly 1."""
    return 2 / (1 + math.exp(-10 * progress)) - 1


@dataclass(frozen=True)
class Target:
    """Unlabeled target images and the weights of their loss terms.

    `loader`: yields batches of `images` (N, 3, S, S) uint8, as many as labeled ones in a batch.
    """

    loader: Loader
    num_steps: int  # of the whole training
    max_lambda: float
    confusion: ConfusionParams | None


class AdaptationTask(Task):
    """Cross-entropy of labeled images and, with `target`, the losses of DANN and minimum class confusion.

    DANN (Ganin et al. 2016, eq. 9) adds the loss of `domain_head` on the features of both domains; its gradient with
    respect to the features is reversed and multiplied by λ(p) · `max_lambda`. Without `target`, this is source-only or
    target-only training, depending on the domain of the labeled images.
    """

    joins_images = True
    step: Tensor

    def __init__(self, classifier: DigitClassifier, domain_head: nn.Module | None = None, target: Target | None = None):
        super().__init__()
        self.classifier, self.domain_head, self.target = classifier, domain_head, target
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))  # a buffer, so that it is saved for resuming

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """The mean loss of `images` (N, 3, S, S) uint8 and labels `digits` (N,) int64."""
        features = self.features(inputs["images"])
        loss = F.cross_entropy(self.classifier.classify(features).float(), inputs["digits"])
        if self.target is not None:
            loss = loss + self.target_loss(features, self.target)
        self.step += 1
        return loss

    def features(self, images: Tensor) -> Tensor:
        return self.classifier.features(to_signed(images))

    def target_loss(self, source_features: Tensor, target: Target) -> Tensor:
        step = int(self.step)
        target_features = self.features(target.loader[step]["images"])
        weight = target.max_lambda * reversal_weight(step / target.num_steps)
        loss = self.domain_loss(source_features, weight, 0) + self.domain_loss(target_features, weight, 1)
        if target.confusion:
            logits = self.classifier.classify(target_features).float()
            loss = loss + target.confusion.weight * class_confusion(logits, target.confusion.temperature)
        return loss

    def domain_loss(self, features: Tensor, weight: float, domain: int) -> Tensor:
        assert self.domain_head
        logits = self.domain_head(reverse_gradient(features, weight)).float()
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, domain))


def class_confusion(logits: Tensor, temperature: float) -> Tensor:
    """Minimum class confusion loss of `logits` (N, K) (Jin et al. 2020, eq. 2–7): 0 if all predictions are one-hot.

    It is the off-diagonal share of the class correlation matrix, in which images are weighted by the certainty of their
    prediction. As in the authors' code, the weights are detached.
    """
    probabilities = (logits / temperature).softmax(1)
    entropy = torch.special.entr(probabilities.detach()).sum(1)
    weights = 1 + torch.exp(-entropy)
    weights = len(logits) * weights / weights.sum()
    correlation = probabilities.T @ (weights[:, None] * probabilities)
    correlation = correlation / correlation.sum(1, keepdim=True)
    return 1 - correlation.diagonal().mean()
