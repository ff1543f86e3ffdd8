"""The objectives compared with closed forms and the papers' formulas."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from difflab.classifiers.digit_classifier import DigitClassifier
from difflab.config.training import ConfusionParams
from difflab.systems.adaptation.objective import (
    AdaptationTask,
    Target,
    class_confusion,
    reversal_weight,
    reverse_gradient,
)
from difflab.training.loader import Loader


@pytest.mark.parametrize("weight", [0.0, 0.3, 2.0])
def test_the_gradient_comes_back_reversed_and_scaled(weight):
    """d/dx sum (3x)² = 18 x."""
    x = torch.tensor([1.0, -2.0, 0.5], requires_grad=True)
    passed = reverse_gradient(x, weight)
    assert torch.equal(passed, x)
    (3 * passed).square().sum().backward()
    assert x.grad is not None and torch.allclose(x.grad, -weight * 18 * x.detach())


@pytest.mark.parametrize(("progress", "weight"), [(0, 0), (0.1, 0.46211716), (0.5, 0.98661430), (1, 0.99990920)])
def test_schedule_of_the_paper(progress, weight):
    assert reversal_weight(progress) == pytest.approx(weight, abs=1e-8)
    assert reversal_weight(progress) == pytest.approx(math.tanh(5 * progress))


class Linear(DigitClassifier):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(nn.Flatten(), nn.Linear(12, 5))
        self.classify = nn.Linear(5, 10)


def make_task(max_lambda: float, confusion: ConfusionParams | None = None, step: int = 3) -> AdaptationTask:
    """Step `step` of 10, with 6 images of the target, of which a batch holds 4."""
    images = torch.randint(256, (6, 3, 2, 2), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    loader = Loader({"images": images}, 4, 0, torch.device("cpu"))
    target = Target(loader, 10, max_lambda, confusion)
    classifier = Linear()
    task = AdaptationTask(classifier, nn.Linear(5, 1), target)
    task.step += step
    return task


BATCH = {
    "images": torch.randint(256, (4, 3, 2, 2), dtype=torch.uint8, generator=torch.Generator().manual_seed(2)),
    "digits": torch.tensor([0, 3, 3, 9]),
}


def gradients(task: AdaptationTask, *losses: torch.Tensor) -> list[list[torch.Tensor]]:
    """Of each loss by the weights of features and domain head."""
    assert task.domain_head
    weights = [task.classifier.features[1].weight, task.domain_head.weight]  # pyright: ignore
    return [list(torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)) for loss in losses]


def test_features_go_against_the_domain_head():
    """Eq. 9 of the paper: features descend L_y − λ L_d, the head descends L_d, with λ of the task's own progress."""
    task = make_task(max_lambda=0.5)
    assert task.target and task.domain_head
    source, target = (task.features(images) for images in (BATCH["images"], task.target.loader[3]["images"]))
    label_loss = F.cross_entropy(task.classifier.classify(source), BATCH["digits"])
    of_source = F.softplus(task.domain_head(source)).mean()  # −log(1 − σ)
    of_target = F.softplus(-task.domain_head(target)).mean()  # −log σ
    loss = task(BATCH)
    assert loss.item() == pytest.approx((label_loss + of_source + of_target).item())
    (ours, head), (labels, _), (domains, expected_head) = gradients(task, loss, label_loss, of_source + of_target)
    weight = 0.5 * math.tanh(5 * 0.3)
    assert torch.allclose(ours, labels - weight * domains, atol=1e-7)
    assert torch.allclose(head, expected_head)
    assert domains.abs().max() > 1e-3
    assert task.step == 4


def test_confusion_is_of_the_target_alone():
    plain, confused = make_task(0.5), make_task(0.5, ConfusionParams(weight=2.0, temperature=2.5))
    confused.load_state_dict(plain.state_dict())
    assert plain.target
    logits = plain.classifier.classify(plain.features(plain.target.loader[3]["images"]))
    added = confused(BATCH) - plain(BATCH)
    assert added.item() == pytest.approx(2 * class_confusion(logits, 2.5).item(), abs=1e-6)


def test_class_confusion_is_the_papers_sum():
    logits = torch.randn(7, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    soft = (logits / 2.5).softmax(1).numpy()
    sure = [1 + math.exp(sum(p * math.log(p) for p in row)) for row in soft]
    weights = [7 * value / sum(sure) for value in sure]
    correlation = [
        [sum(w * row[j] * row[k] for w, row in zip(weights, soft, strict=True)) for k in range(4)] for j in range(4)
    ]
    beside = sum(correlation[j][k] / sum(correlation[j]) for j in range(4) for k in range(4) if j != k)
    assert class_confusion(logits, 2.5).item() == pytest.approx(beside / 4)
