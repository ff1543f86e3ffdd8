"""Two methods on the same noises, against numbers worked out by hand."""

import pytest
import torch

from difflab.params import EvaluationParams
from difflab.personalization.comparison import paired_comparison

EVALUATION = EvaluationParams(seed=0, num_resamples=2000, nearest_k=1, inception_weights=None)


def successes(both: int, only_ours: int, only_theirs: int, neither: int) -> tuple[torch.Tensor, torch.Tensor]:
    ours = torch.tensor([True] * (both + only_ours) + [False] * (only_theirs + neither))
    theirs = torch.tensor([True] * both + [False] * only_ours + [True] * only_theirs + [False] * neither)
    return ours.reshape(2, -1), theirs.reshape(2, -1)


def test_counts_difference_and_mcnemar():
    """Of six pairs that differ five favour ours: p = 2 (6 + 1) / 2⁶."""
    found = paired_comparison(*successes(10, 5, 1, 4), EVALUATION)
    counts = {"both": 10, "only_ours": 5, "only_theirs": 1, "neither": 4}
    assert {name: found[name] for name in counts} == counts
    assert found["value"] == pytest.approx(4 / 20)
    assert found["p_value"] == pytest.approx(14 / 64)
    assert found["low"] < 4 / 20 < found["high"]


def test_equal_methods_do_not_differ():
    found = paired_comparison(*successes(10, 0, 0, 10), EVALUATION)
    assert (found["value"], found["low"], found["high"], found["p_value"]) == (0, 0, 0, 1)


def test_the_interval_is_of_chance_within_a_prompt():
    """Ours succeeds on all of the first prompt and none of the second, theirs the other way: none of it is chance."""
    ours = torch.tensor([[True] * 5, [False] * 5])
    found = paired_comparison(ours, ~ours, EVALUATION)
    assert (found["value"], found["low"], found["high"]) == (0, 0, 0)
