"""The contrastive objective against CLIP's own and against its definition."""

import math

import pytest
import torch

from difflab.systems.zero_shot.clip import tokenize
from difflab.systems.zero_shot.training import UNSAID, ContrastiveTask, are_true, symmetric_cross_entropy
from tests.systems.zero_shot.tiny_clip import make_spelling_clip

PROMPTS = ["a red circle", "a blue circle", "a seven on white", "nothing"]


def make_batch() -> dict[str, torch.Tensor]:
    images = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    tokens = tokenize(make_spelling_clip().tokenizer, PROMPTS)
    shown = torch.arange(4)[:, None]
    return {"images": images, "tokens": tokens, "shown": shown, "said": shown}


def test_without_repetitions_it_is_the_loss_of_clip():
    clip, batch = make_spelling_clip().model, make_batch()
    expected = clip(input_ids=batch["tokens"], pixel_values=batch["images"].float() / 127.5 - 1, return_loss=True).loss
    torch.testing.assert_close(ContrastiveTask(clip)(batch), expected)


def test_a_caption_is_true_of_what_shows_all_that_it_says():
    shown = torch.tensor([[7, 1, 3], [7, 2, 3], [7, 1, 4], [7, 1, 3]])
    said = torch.tensor([[7, 1, 3], [7, 2, UNSAID], [UNSAID, 1, UNSAID], [7, 1, UNSAID]])
    assert are_true(said, shown).int().tolist() == [[1, 0, 1, 1], [0, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 1]]


def test_what_is_true_is_no_wrong_answer():
    """Row by row: −log of the own share among it and what is not true."""
    logits = torch.randn(5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    true = torch.rand(5, 5, generator=torch.Generator().manual_seed(2)) < 0.4

    def mean_loss(matrix: torch.Tensor, true: torch.Tensor) -> float:
        losses = []
        for i in range(5):
            answers = [j for j in range(5) if j == i or not true[i, j]]
            losses.append(-math.log(math.exp(matrix[i, i]) / sum(math.exp(matrix[i, j]) for j in answers)))
        return sum(losses) / 5

    expected = (mean_loss(logits, true) + mean_loss(logits.T, true.T)) / 2
    assert symmetric_cross_entropy(logits, true).item() == pytest.approx(expected, rel=1e-12)
