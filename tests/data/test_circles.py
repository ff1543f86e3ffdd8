"""Rendered scenes and captions agree with the scenes' descriptions."""

import math
import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL.ImageColor import colormap
from skimage.measure import label

from difflab.config.data import CirclesParams
from difflab.config.load import ParamsError, validate
from difflab.data.captions import make_caption
from difflab.data.circles import (
    Scenes,
    load_scenes,
    make_scenes,
    paint,
    place_circles,
    render_conditioning_images,
    render_images,
    render_masks,
)
from difflab.data.colors import contrasts, farthest_colors, make_color_pairs, rgb
from difflab.data.pixels import to_uint8
from difflab.errors import UserError

PARAMS = {
    "seed": 0,
    "num_train": 300,
    "num_validation": 100,
    "two_circles": 0.5,
    "colors": ["white", "black", "red", "blue", "green", "yellow", "light coral", "sky blue"],
    "held_out_colors": ["dark orange"],
    "unseen_pairs": 0.25,
    "min_contrast": 20.0,
}


def make_params(**changes) -> CirclesParams:
    return validate(CirclesParams, PARAMS | changes)


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    return make_scenes(make_params())


def shown(scenes: Scenes) -> list[list[str]]:
    """By scene the names of what its pixels show: one or two circles, and the background."""
    names = {rgb(name): name for name in PARAMS["colors"]}
    colors = [[names[tuple(color)] for color in scene] for scene in scenes.colors.tolist()]
    return [
        scene if count == 2 else [scene[0], scene[2]]
        for scene, count in zip(colors, scenes.num_circles.tolist(), strict=True)
    ]


def pairs_of(scenes: Scenes) -> set[tuple[str, str]]:
    return {(circle, background) for *circles, background in shown(scenes) for circle in circles}


def test_colors_of_css_in_words():
    assert rgb("light coral") == (240, 128, 128)
    assert rgb("pale golden rod") == (238, 232, 170)
    matrix = contrasts(["white", "black", "white"])
    assert matrix[0, 1] == pytest.approx(100, abs=0.1)
    assert matrix[0, 2] == 0


def test_each_farthest_color_is_far_from_all_before_it():
    chosen = farthest_colors(["black", "red"], 3)
    for i, name in enumerate(chosen):
        before = ["black", "red", *chosen[:i]]
        nearest = contrasts([*before, *colormap])[: len(before), len(before) :].min(0)
        assert contrasts([*before, name])[-1, :-1].min() == nearest.max()
    assert len(set(chosen)) == 3


def test_captions_name_what_is_shown(scenes):
    """In the order of the geometry; only the shorthand for two circles leaves the background out."""
    for caption, names in zip(scenes.captions, shown(scenes), strict=True):
        found = re.findall("|".join(sorted(PARAMS["colors"], key=len, reverse=True)), caption)
        shorthand = len(names) == 3 and "background" not in caption and " on " not in caption
        assert found == (names[:2] if shorthand else names)


def test_no_pair_of_validation_is_in_training(scenes):
    train, validation = scenes.part("train"), scenes.part("validation")
    assert (len(train), len(validation)) == (300, 100)
    assert not pairs_of(train) & pairs_of(validation)
    assert {name for pair in pairs_of(train) for name in pair} == set(PARAMS["colors"])
    assert not any("orange" in caption for caption in scenes.captions)


def test_what_meets_is_far_enough_apart(scenes):
    index = {name: i for i, name in enumerate(PARAMS["colors"])}
    matrix = contrasts(PARAMS["colors"])
    for names in shown(scenes):
        assert all(matrix[index[a], index[b]] >= 20 for a in names for b in names if a != b)


def test_a_scene_depends_on_its_index_alone(scenes):
    longer = make_scenes(make_params(num_train=350))
    assert torch.equal(longer.geometry[:300], scenes.geometry[:300])
    assert longer.captions[:300] == scenes.captions[:300]
    other = make_scenes(make_params(seed=1))
    assert not torch.equal(other.geometry[:300], scenes.geometry[:300])


def test_saved_and_loaded(scenes, tmp_path):
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    scenes.save(first)
    load_scenes(first).save(second)
    assert first.read_bytes() == second.read_bytes()
    first.write_bytes(b"no scenes")
    with pytest.raises(UserError, match=r"a\.safetensors: cannot be read \(SafetensorError"):
        load_scenes(first)
    with pytest.raises(UserError, match=r"c\.safetensors: not found"):
        load_scenes(tmp_path / "c.safetensors")


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.sampled_from([1, 2]), st.sampled_from([32, 64, 512]))
def test_drawn_circles_are_where_the_geometry_says(seed, count, size):
    geometry = place_circles(count, np.random.default_rng(seed))
    masks = render_masks(geometry[None], size)[0].double()
    centres = (torch.arange(size) + 0.5) / size
    for mask, (x, y, radius) in zip(masks, geometry.tolist(), strict=True):
        area = mask.sum().item() / size**2
        assert area == pytest.approx(math.pi * radius**2, rel=0.02, abs=1e-9)
        if radius:
            assert (mask.sum(0) @ centres.double()).item() / mask.sum().item() == pytest.approx(x, abs=0.2 / size)
            assert (mask.sum(1) @ centres.double()).item() / mask.sum().item() == pytest.approx(y, abs=0.2 / size)
    if count == 2:
        assert (masks.prod(0) == 0).all()


def test_drawings_have_the_colors_they_should():
    geometry = torch.tensor([[[0.25, 0.25, 0.15], [0.75, 0.5, 0.2]], [[0.5, 0.5, 0.3], [0, 0, 0]]])
    colors = torch.stack([paint(("red", "blue", "white")), paint(("light coral", "black"))])
    images = to_uint8(render_images(geometry, colors, 64))
    assert images.shape == (2, 3, 64, 64)
    assert images[0, :, 16, 16].tolist() == [255, 0, 0]
    assert images[0, :, 32, 48].tolist() == [0, 0, 255]
    assert images[0, :, 63, 0].tolist() == [255, 255, 255]
    assert images[1, :, 32, 32].tolist() == [240, 128, 128]
    assert images[1, :, 0, 0].tolist() == [0, 0, 0]


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([1, 2]), st.sampled_from([32, 64, 256]))
def test_hints_are_as_many_closed_outlines(seed, count, size):
    geometry = place_circles(count, np.random.default_rng(seed))[None]
    hints = render_conditioning_images(geometry, size)
    assert hints.shape == (1, 3, size, size) and hints.min() >= 0 and hints.max() > 0.9
    outline = hints[0, 0].numpy() > 0.2
    regions: Any = label(~outline, connectivity=1)
    assert regions.max() == count + 1  # the inside of each, and the outside
    assert 0 not in regions[0]  # no outline at the edge
    lengths = 2 * math.pi * geometry[0, :, 2].sum().item()
    width = max(1 / 256, 1 / size)
    assert hints[0, 0].double().mean().item() == pytest.approx(lengths * width, rel=0.03)


def test_sizes_are_named_where_they_are():
    generator = np.random.default_rng(0)
    large_and_small = {make_caption(("red", "blue", "white"), (0.25, 0.14), generator) for _ in range(200)}
    assert "large red circle and small blue circle on white background" in large_and_small
    alike = {make_caption(("red", "blue", "white"), (0.2, 0.19), generator) for _ in range(200)}
    middle = {make_caption(("red", "white"), (0.24,), generator) for _ in range(200)}
    assert not any("large" in caption or "small" in caption for caption in alike | middle)
    assert any("small red circle" in make_caption(("red", "white"), (0.15,), generator) for _ in range(200))


def test_meetings_of_two_are_of_pairs_that_may_meet():
    seen, unseen = make_color_pairs(make_params())
    assert len(unseen.pairs) == round(0.25 * (len(seen.pairs) + len(unseen.pairs)))
    for meetings in (seen, unseen):
        for circle, second, background in meetings.triples:
            assert {(circle, background), (second, background)} <= set(meetings.pairs)
            assert circle != second


def test_colors_that_cannot_meet_are_refused():
    with pytest.raises(UserError, match=r"circles\.min_contrast, unseen_pairs: found 99, 0\.25, which leave 0 and 0"):
        make_color_pairs(make_params(min_contrast=99.0))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"held_out_colors": ["reddish"]}, 'held_out_colors.0: found "reddish", allowed: a CSS color name'),
        ({"held_out_colors": ["cyan", "aqua"]}, 'found "aqua", allowed: another name, because it is the color of'),
        ({"held_out_colors": ["red"]}, 'held_out_colors: found "red", allowed: colors that circles.colors does'),
        ({"colors": ["red", "blue"]}, "colors: found"),
    ],
)
def test_bad_colors_are_one_line(changes, line):
    with pytest.raises(ParamsError) as error:
        make_params(**changes)
    assert line in str(error.value) and "\n" not in str(error.value)
