"""What the small CLIP learns from, and what is kept from it."""

import pytest
import torch

from difflab.circles.colours import rgb
from difflab.circles.scenes import Scenes, paint
from difflab.clip.captioned import captioned_circles, captioned_digits
from difflab.clip.digits import NUMERALS, colour_digits, split_inks
from difflab.data.dataset import ImageDataset

COLOURS = ["red", "blue", "white", "teal"]
PAIRS = [(ink, background) for ink in COLOURS for background in COLOURS if ink != background]


@pytest.fixture
def digits() -> ImageDataset:
    """White on black, a vertical bar as wide as the digit is large."""
    labels = torch.arange(200) % 10
    images = torch.zeros(200, 3, 16, 16, dtype=torch.uint8)
    for image, label in zip(images, labels.tolist(), strict=True):
        image[:, :, : label + 2] = 255
    return ImageDataset(images, labels, torch.zeros(200, dtype=torch.uint8), "bars")


def test_a_digit_is_ink_on_its_background(digits):
    images = colour_digits(digits.images[:2], [("red", "teal"), ("white", "blue")], 32)
    assert images.shape == (2, 3, 32, 32)
    assert tuple(images[0, :, 16, 0].tolist()) == rgb("red") and tuple(images[0, :, 16, 31].tolist()) == rgb("teal")
    assert tuple(images[1, :, 16, 0].tolist()) == rgb("white") and tuple(images[1, :, 16, 31].tolist()) == rgb("blue")


def test_each_digit_is_in_a_colour_that_training_may_see(digits):
    seen, unseen = split_inks(COLOURS, 0.25, seed=0)
    assert len(unseen) == 10 and not set(seen) & set(unseen) and len(seen) + len(unseen) == 40
    data = captioned_digits(digits, seen, PAIRS[:8], 16, seed=0)
    names = {rgb(name): name for name in COLOURS}
    for image, label, caption in zip(data.images, digits.labels.tolist(), data.captions, strict=True):
        ink, background = (names[tuple(image[:, 8, column].tolist())] for column in (0, 15))
        assert (ink, background) in PAIRS[:8] and (ink, NUMERALS[label]) in seen
        assert f"{ink} {NUMERALS[label]}" in caption
        assert " on " not in caption or f" on {background}" in caption


def test_contents_are_equal_where_images_show_the_same(digits):
    seen, _ = split_inks(COLOURS, 0.25, seed=0)
    colours = torch.stack([paint(("red", "blue")), paint(("blue", "red")), paint(("red", "blue"))])
    geometry = torch.tensor([[[0.5, 0.5, 0.3], [0, 0, 0]]] * 3)
    circles = captioned_circles(Scenes(geometry, colours, torch.zeros(3, dtype=torch.uint8), ["a", "b", "c"]), 16)
    assert circles.contents[0] == circles.contents[2] != circles.contents[1]
    both = circles + captioned_digits(digits, seen, PAIRS, 16, seed=0)
    assert len(both.images) == len(both.captions) == len(both.contents) == 203
    assert not set(both.contents[:3].tolist()) & set(both.contents[3:].tolist())
    images: dict[int, torch.Tensor] = {}
    for image, content in zip(both.images[3:], both.contents[3:].tolist(), strict=True):
        assert torch.equal(images.setdefault(content, image), image)
    assert len({image.numpy().tobytes() for image in images.values()}) == len(images)
