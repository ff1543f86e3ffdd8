"""Training data of the small CLIP, and held-out combinations."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from difflab.data.captions import NUMERALS, TEMPLATES, make_caption, split_colored_digits, vocabulary, words_of
from difflab.data.circles import Scenes, paint
from difflab.data.colors import color_digits, rgb
from difflab.data.dataset import ImageDataset
from difflab.systems.zero_shot.training import are_true, captioned_circles, captioned_digits

COLORS = ["red", "blue", "white", "teal"]


@pytest.fixture
def digits() -> ImageDataset:
    """White on black, a vertical bar as wide as the digit is large."""
    labels = torch.arange(200) % 10
    images = torch.zeros(200, 3, 16, 16, dtype=torch.uint8)
    for image, label in zip(images, labels.tolist(), strict=True):
        image[:, :, : label + 2] = 255
    return ImageDataset(images, labels, torch.zeros(200, dtype=torch.uint8), "bars")


def test_a_digit_is_ink_on_black(digits):
    images = color_digits(digits.images[:2], ["teal", "white"], 32)
    assert images.shape == (2, 3, 32, 32)
    assert tuple(images[0, :, 16, 0].tolist()) == rgb("teal") and images[0, :, 16, 31].tolist() == [0, 0, 0]
    assert tuple(images[1, :, 16, 0].tolist()) == rgb("white") and images[1, :, 16, 31].tolist() == [0, 0, 0]


def test_inks_are_split_and_none_is_black():
    seen, unseen = split_colored_digits([*COLORS, "black"], 0.25, seed=0)
    assert len(unseen) == 10 and not set(seen) & set(unseen) and len(seen) + len(unseen) == 40
    assert {color for color, _ in seen + unseen} == set(COLORS)
    assert split_colored_digits(COLORS, 0.25, seed=1)[1] != unseen


def test_each_digit_is_in_a_color_that_training_may_see(digits):
    seen, _ = split_colored_digits(COLORS, 0.25, seed=0)
    data = captioned_digits(digits, seen, 16, seed=0)
    names, used = {rgb(name): name for name in COLORS}, set()
    for image, label, caption in zip(data.images, digits.labels.tolist(), data.captions, strict=True):
        ink = names[tuple(image[:, 8, 0].tolist())]
        assert (ink, NUMERALS[label]) in seen
        templates = {template for template in TEMPLATES if template.format(ink=ink, numeral=NUMERALS[label]) == caption}
        assert templates
        used |= templates
    assert used == set(TEMPLATES)


def test_captions_are_true_of_what_images_show(digits):
    """Whether a caption's words fit another image, as read from both."""
    data = captioned_digits(digits, split_colored_digits(COLORS, 0.25, seed=0)[0], 16, seed=0)
    names = {rgb(name): name for name in COLORS}
    true = are_true(data.said, data.shown)
    assert true.diagonal().all()
    for i, j in [(i, j) for i in range(0, 200, 7) for j in range(200)]:
        words = {"ink": names[tuple(data.images[i, :, 8, 0].tolist())], "numeral": NUMERALS[digits.labels[i]]}
        assert true[i, j] == any(template.format(**words) == data.captions[j] for template in TEMPLATES)


def test_circles_and_digits_are_never_true_of_each_other(digits):
    colors = torch.stack([paint(("red", "blue")), paint(("blue", "red")), paint(("red", "blue"))])
    geometry = torch.tensor([[[0.5, 0.5, 0.3], [0, 0, 0]]] * 3)
    circles = captioned_circles(Scenes(geometry, colors, torch.zeros(3, dtype=torch.uint8), ["a", "b", "c"]), 16)
    both = circles + captioned_digits(digits, split_colored_digits(COLORS, 0.25, seed=0)[0], 16, seed=0)
    assert len(both.images) == len(both.captions) == 203
    true = are_true(both.said, both.shown)
    assert true[:3, :3].int().tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
    assert not true[:3, 3:].any() and not true[3:, :3].any()


@given(st.integers(0, 10_000), st.integers(1, 2))
def test_the_vocabulary_has_the_words_of_all_captions_and_no_others(seed, num_circles):
    colors, generator = ["red", "sky blue", "light coral"], np.random.default_rng(seed)
    names = generator.permutation(colors)[: num_circles + 1].tolist()
    words = set(words_of(make_caption(names, generator.uniform(0.1, 0.4, num_circles).tolist(), generator)))
    known = vocabulary(colors)
    assert words <= set(known) and known == sorted(set(known))
    assert {"large", "small", "coral", "seven", "photo", "."} <= set(known) and not {"orange", "blu"} & set(known)
