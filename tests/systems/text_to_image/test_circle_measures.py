"""Metrics of circles with known positions and colors."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from difflab.data.circles import render_images
from difflab.data.pixels import to_uint8
from difflab.evaluation.circle_metrics import delta_e, disk, foreground, iou, lab, roundness
from difflab.evaluation.intervals import median
from difflab.systems.text_to_image.evaluation import text_to_image_metrics

RED, BLUE, GREY = (255, 0, 0), (0, 0, 255), (128, 128, 128)


def drawn(circles, colors, size: int = 32) -> np.ndarray:
    """(size, size, 3) uint8."""
    geometry = torch.tensor([circles + [(0.0, 0.0, 0.0)] * (2 - len(circles))])
    image = render_images(geometry, torch.tensor([colors], dtype=torch.uint8), size)
    return to_uint8(image)[0].permute(1, 2, 0).numpy()


@settings(max_examples=30, deadline=None)
@given(st.floats(0.35, 0.65), st.floats(0.35, 0.65), st.floats(0.14, 0.3))
def test_a_drawn_circle_is_found_where_it_is(x, y, radius):
    shape = foreground(lab(drawn([(x, y, radius)], [RED, BLUE, BLUE])))
    assert iou(shape, disk(x, y, radius, 32)) > 0.85
    assert roundness(shape) > 0.85


def test_iou_is_that_of_squares():
    """Two 4×4 squares that share 2×4: 8 of 24."""
    a, b = np.zeros((2, 10, 10), dtype=bool)
    a[2:6, 2:6], b[2:6, 4:8] = True, True
    assert iou(a, b) == pytest.approx(1 / 3)
    assert iou(np.zeros_like(a), np.zeros_like(a)) == 0


def test_one_color_has_no_circle():
    flat = np.full((16, 16, 3), 77, dtype=np.uint8)
    assert not foreground(lab(flat)).any()
    assert roundness(foreground(lab(flat))) == 0
    nearly = flat.copy()
    nearly[4:9, 4:9] += 3  # below what is seen
    assert not foreground(lab(nearly)).any()


def test_delta_e_is_that_of_the_reference():
    """A color against itself is 0, black against white 100 (Sharma, Wu & Dalal 2005)."""
    pixels = lab(np.array([[RED] * 5], dtype=np.uint8))[0]
    assert delta_e(pixels, np.array(RED, dtype=np.uint8)) == pytest.approx(0, abs=1e-6)
    black = lab(np.zeros((1, 3, 3), dtype=np.uint8))[0]
    assert delta_e(black, np.array((255, 255, 255), dtype=np.uint8)) == pytest.approx(100, abs=0.01)


def test_a_median_has_its_exact_interval():
    """Of 20 numbers in order, the 6th and the 15th: P(6 ≤ Binomial(20, ½) ≤ 14) = 0.9586."""
    estimate = median(np.arange(1, 21))
    assert (estimate.value, estimate.low, estimate.high) == (10.5, 6, 15)
    assert median([3.0]).low == median([3.0]).high == 3


def test_the_metrics_are_those_of_the_images():
    right = drawn([(0.5, 0.5, 0.3)], [RED, BLUE, BLUE])
    wrong = drawn([(0.5, 0.5, 0.3)], [GREY, BLUE, RED])
    none = np.broadcast_to(np.array(BLUE, dtype=np.uint8), (32, 32, 3))
    asked = np.array([[RED, BLUE, BLUE]] * 3, dtype=np.uint8)
    alone = text_to_image_metrics(right[None], asked[:1])
    assert alone["iou"]["value"] > 0.9 and alone["share_without_circle"] == 0
    assert alone["circle_delta_e"]["value"] < 1 and alone["background_delta_e"]["value"] < 1
    wrongly = text_to_image_metrics(wrong[None], asked[:1])
    assert wrongly["iou"]["value"] > 0.9
    assert wrongly["circle_delta_e"]["value"] > 20 and wrongly["background_delta_e"]["value"] > 20
    all_three = text_to_image_metrics(np.stack([right, wrong, none]), asked)
    assert all_three["share_without_circle"] == pytest.approx(1 / 3)
    assert text_to_image_metrics(none[None], asked[:1])["iou"]["value"] == 0
