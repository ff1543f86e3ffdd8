"""The noise bank."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from difflab.diffusion.noise_bank import bank_generators


def draws(seed: int, images: list[int], size: int = 16) -> torch.Tensor:
    """The first two draws of each image, (N, 2, size)."""
    return torch.stack(
        [torch.stack([torch.randn(size, generator=g) for _ in range(2)]) for g in bank_generators(seed, images)]
    )


@given(st.integers(0, 2**63), st.lists(st.integers(0, 20_000), min_size=1, max_size=8), st.data())
def test_an_image_is_the_same_in_every_batch_and_order(seed, images, data):
    together = draws(seed, images)
    order = data.draw(st.permutations(range(len(images))))
    assert torch.equal(draws(seed, [images[i] for i in order]), together[list(order)])
    assert torch.equal(draws(seed, images[:1])[0], together[0])


@given(st.integers(0, 2**63), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_images_differ(seed, first, second):
    a, b = draws(seed, [first, second])
    assert torch.equal(a, b) == (first == second)


@given(st.integers(0, 2**63), st.integers(0, 2**63), st.integers(0, 20_000))
def test_seeds_differ(first, second, image):
    assert torch.equal(draws(first, [image]), draws(second, [image])) == (first == second)


def test_the_bank_is_white_noise():
    """Mean, variance, and the correlation of neighbours in the bank and of start with step noise, at 4 σ."""
    noise = draws(0, list(range(200)), size=768).double()
    pixels = noise.numel()
    assert noise.mean().item() == pytest.approx(0, abs=4 / pixels**0.5)
    assert noise.var().item() == pytest.approx(1, abs=4 * (2 / pixels) ** 0.5)
    assert (noise[1:] * noise[:-1]).mean().item() == pytest.approx(0, abs=4 / pixels**0.5)
    assert (noise[:, 0] * noise[:, 1]).mean().item() == pytest.approx(0, abs=4 / (pixels / 2) ** 0.5)


def test_the_bank_never_changes():
    """The images of a recipe hang on these numbers."""
    assert [g.initial_seed() for g in bank_generators(0, [0, 1, 49])] == [2968811710, 2968811711, 2968811759]
