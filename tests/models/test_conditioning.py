"""The conditioning vectors compared with vectors calculated by hand from given weights."""

import pytest
import torch
from torch import nn

from difflab.models.conditioning import ClassEmbeddingCondition, DigitDomainCondition, OneHotCondition, make_condition
from tests import factories

DOMAINS = ["mnistm", "svhn"]
DIGITS, SECOND_DOMAIN = torch.tensor([0, 3, 9]), torch.ones(3, dtype=torch.int64)


def set_weight(module: nn.Module, values: list[list[float]]) -> None:
    assert isinstance(module, nn.Embedding | nn.Linear)
    module.weight.data = torch.tensor(values, dtype=torch.float32)


def test_digit_and_domain_are_embedded_side_by_side_and_projected():
    condition = DigitDomainCondition(DOMAINS, 2, 1, 3)
    set_weight(condition.digit, [[float(digit), 10.0 * digit] for digit in range(11)])
    set_weight(condition.domain, [[100.0], [200.0], [300.0]])
    set_weight(condition.project, [[1.0, 0, 0], [0, 1, 0], [1, 1, 1]])  # the last is the sum of all
    condition.project.bias.data = torch.tensor([0.5, 0, 0])
    vectors = condition(DIGITS, SECOND_DOMAIN)
    assert vectors.tolist() == [[0.5, 0, 200], [3.5, 30, 233], [9.5, 90, 299]]
    assert condition(DIGITS[:1], torch.tensor([0])).tolist() == [[0.5, 0, 100]]
    assert condition.null(2).tolist() == [[10.5, 100, 410]] * 2


def test_class_embedding_is_of_the_digit_alone():
    condition = ClassEmbeddingCondition(["mnistm"], 2)
    set_weight(condition.digit, [[float(digit), -digit] for digit in range(11)])
    assert condition(DIGITS, torch.zeros_like(DIGITS)).tolist() == [[0, 0], [3, -3], [9, -9]]
    assert condition.null(2).tolist() == [[10, -10]] * 2


def test_one_hot_has_twenty_classes_and_zeros_for_none():
    """Digit + 10 · domain, projected without a bias."""
    condition = OneHotCondition(DOMAINS, 2)
    assert condition.project.weight.shape == (2, 20) and condition.project.bias is None
    set_weight(condition.project, [[float(k) for k in range(20)], [100.0 - k for k in range(20)]])
    assert condition(torch.tensor([9, 3]), torch.tensor([0, 1])).tolist() == [[9, 91], [13, 87]]
    assert condition.null(3).tolist() == [[0, 0]] * 3


@pytest.mark.parametrize(
    ("kind", "module"),
    [
        ("digit_and_domain", DigitDomainCondition),
        ("class_embedding", ClassEmbeddingCondition),
        ("one_hot", OneHotCondition),
    ],
)
def test_make_condition_follows_the_parameters(kind, module):
    condition = make_condition(factories.condition(kind), DOMAINS, 24)
    assert type(condition) is module
    assert condition(DIGITS, SECOND_DOMAIN).shape == condition.null(3).shape == (3, 24)
    assert condition.config["domains"] == DOMAINS
    if kind == "digit_and_domain":
        assert isinstance(condition, DigitDomainCondition)
        assert (condition.digit.embedding_dim, condition.domain.embedding_dim) == (8, 4)
