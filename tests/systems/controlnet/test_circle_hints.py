"""IoU and colors of images that match the request, and of others."""

import numpy as np
import pytest
import torch

from difflab.config.language import ControlSamplesParams
from difflab.config.load import ParamsError, validate
from difflab.data.circles import render_images
from difflab.data.pixels import to_uint8
from difflab.systems.controlnet.conditions import CircleConditions, circle_conditions
from difflab.systems.controlnet.evaluation import measure
from difflab.systems.controlnet.sampling import all_sample_sets
from tests.systems.text_to_image.tiny import CAPTIONS, make_scenes

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)
PARAMS = {
    "num_one_circle": 3,
    "num_two_circles": 2,
    "two_circles": [
        {
            "prompt": "red circle and blue circle on white background",
            "circles": [[0.3, 0.3, 0.2], [0.7, 0.7, 0.15]],
            "colors": ["red", "blue", "white"],
            "any_order": True,
        }
    ],
    "num_compared": 2,
    "conditioning_scales": [0.0, 1.0],
}


def images_of(geometry, colors, size: int = 32) -> np.ndarray:
    images = render_images(torch.as_tensor(geometry), torch.as_tensor(colors, dtype=torch.uint8), size)
    return to_uint8(images).permute(0, 2, 3, 1).numpy()


def two(any_order: bool) -> CircleConditions:
    geometry = torch.tensor([[(0.3, 0.3, 0.2), (0.7, 0.7, 0.15)]])
    return CircleConditions(["…"], geometry, torch.tensor([[RED, BLUE, WHITE]], dtype=torch.uint8), any_order)


def test_what_was_asked_for_has_no_error():
    requests = two(False)
    found = measure(images_of(requests.geometry, requests.colors), requests)
    assert found.iou.shape == found.circle_delta_e.shape == (1, 2)
    assert (found.iou > 0.85).all()
    assert (found.circle_delta_e < 1).all() and (found.background_delta_e < 1).all()


@pytest.mark.parametrize("any_order", [False, True])
def test_exchanged_colors_count_where_the_order_does(any_order):
    requests = two(any_order)
    found = measure(images_of(requests.geometry, [[BLUE, RED, WHITE]]), requests)
    assert (found.iou > 0.85).all()
    assert ((found.circle_delta_e < 1) == any_order).all()


def test_a_circle_elsewhere_has_a_smaller_iou():
    """Moved by its radius, a circle shares 0.391 of its area with where it was: IoU 0.391 / (2 − 0.391) = 0.243."""
    requests = two(False)
    moved = requests.geometry.clone()
    moved[0, 0, 0] += 0.2
    found = measure(images_of(moved, requests.colors, size=128), requests)
    assert found.iou[0, 0] == pytest.approx(0.243, abs=0.03)
    assert found.iou[0, 1] > 0.9


def test_a_circle_that_is_not_there_has_none():
    requests = two(False)
    one = requests.geometry.clone()
    one[0, 1, 2] = 0
    found = measure(images_of(one, requests.colors), requests)
    assert found.iou[0, 0] > 0.85 and found.iou[0, 1] == 0
    assert found.circle_delta_e[0, 1] > 20


def test_each_request_is_drawn_with_and_without_from_the_same_noises(tmp_path):
    params = validate(ControlSamplesParams, PARAMS)
    snapshots = [tmp_path / "step_000010.safetensors", tmp_path / "step_000020.safetensors"]
    groups = circle_conditions(make_scenes(), params)
    drawings = {drawing.name: drawing for drawing in all_sample_sets(groups, params, snapshots)}
    assert list(drawings) == [
        *("one_circle", "one_circle_without", "two_circles_1", "two_circles_1_without"),
        *("step_000010", "step_000020", "scale_0", "scale_1"),
    ]
    for name in ("one_circle", "two_circles_1"):
        with_it, without = drawings[name], drawings[f"{name}_without"]
        assert (with_it.numbers, with_it.requests) == (without.numbers, without.requests)
        assert (with_it.snapshot, without.snapshot) == (snapshots[-1], None)
    assert drawings["step_000010"].snapshot == snapshots[0]
    assert drawings["scale_0"].scale == 0 and drawings["scale_0"].numbers == range(2)
    batches = drawings["one_circle"].batches(2)
    assert [list(batch.numbers) for batch in batches] == [[0, 1], [2]]
    assert [prompt for batch in batches for prompt in batch.requests.prompts] == CAPTIONS


def test_requests_are_those_of_the_parameters():
    groups = circle_conditions(make_scenes(), validate(ControlSamplesParams, PARAMS))
    asked = groups["two_circles_1"]
    assert asked.prompts == ["red circle and blue circle on white background"] * 2
    assert asked.colors[1].tolist() == [list(RED), list(BLUE), list(WHITE)]
    assert asked.any_order and not groups["one_circle"].any_order


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("num_compared", 4, "num_compared: found 4, allowed: integer ≤ num_one_circle = 3"),
        ("two_circles", [PARAMS["two_circles"][0] | {"colors": ["red", "bleu", "white"]}], 'found "bleu"'),
    ],
)
def test_bad_parameters_are_named(key, value, message):
    with pytest.raises(ParamsError, match=message):
        validate(ControlSamplesParams, PARAMS | {key: value})
