"""Checks of the section's values, with one-line errors."""

from pathlib import Path

import numpy as np
import pytest

from difflab.config.load import ParamsError, read_yaml, validate
from difflab.config.params import Params
from difflab.data.colors import contrasts, farthest_colors
from difflab.setup.prompts import check_prompts
from tests.config.changed_params import DELETE, changed

PARAMS = read_yaml(Path(__file__).parents[3] / "params.yaml")
HERE = "personalization"
PROMPTS = "allowed: prompts with tokens of <new1>, <new2>, <new3>, or with {first} and {second}"


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        (
            "multi_concept/prompts",
            ["a <new1> next to a <new4>"],
            f'{HERE}.multi_concept.prompts: found "a <new1> next to a <new4>", {PROMPTS}',
        ),
        (
            "multi_concept/prompts",
            ["a {first} next to a {second} {"],
            f'{HERE}.multi_concept.prompts: found "a {{first}} next to a {{second}} {{", {PROMPTS}',
        ),
        (
            "multi_concept/prompts",
            ["a {first}"],
            f'{HERE}.multi_concept.prompts: found "a {{first}}", {PROMPTS}',
        ),
        ("num_runs", 0, f"{HERE}.num_runs: found 0,"),
        (
            "multi_concept/prompts",
            ["a cat"],
            f'{HERE}.multi_concept.prompts: found "a cat", {PROMPTS}',
        ),
        (
            "multi_concept/prompts",
            ["<new1>", "<new1>"],
            f'{HERE}.multi_concept.prompts: found ["<new1>", "<new1>"], allowed: different values, not "<new1>" twice',
        ),
        (
            "concepts/plum/token",
            "<new1>",
            f'{HERE}.concepts.dark-sea-green.token: found "<new1>", allowed: a token that no other concept has',
        ),
        (
            "concepts/plum/token",
            "new2",
            f'{HERE}.concepts.plum.token: found "new2",',
        ),
        (
            "concepts/plum/images",
            "photos",
            f'{HERE}.concepts.plum.images: found "photos", allowed: null, because color is plum',
        ),
        (
            "concepts/plum/color",
            None,
            f"{HERE}.concepts.plum.images: found null, allowed: a folder, because color and input are null",
        ),
        (
            "concepts/plum/color",
            "teal",
            f'{HERE}.concepts.plum.color: found "teal", allowed: null, or one of circles.held_out_colors: '
            "dark sea green, dodger blue, plum",
        ),
        (
            "input",
            "input.json",
            f'{HERE}.concepts.dark-sea-green.color: found "dark sea green", '
            "allowed: null, because input names the images",
        ),
        (
            "templates",
            ["a photo"],
            f'{HERE}.templates.0: found "a photo",',
        ),
        (
            "custom_diffusion/prior",
            DELETE,
            f"{HERE}.custom_diffusion.prior: found nothing,",
        ),
    ],
)
def test_a_bad_value_is_one_line(key, value, line):
    with pytest.raises(ParamsError) as error:
        check_prompts(validate(Params, changed(f"{HERE}/{key}", value, PARAMS)))
    assert str(error.value).startswith(f"params.yaml: {line}") and len(str(error.value).splitlines()) == 1


def test_one_concept_makes_no_pair():
    alone = changed(f"{HERE}/concepts/dark-sea-green", DELETE, PARAMS)
    alone = changed(f"{HERE}/concepts/dodger-blue", DELETE, alone)
    with pytest.raises(ParamsError, match=r"found \"a \{first\} next .*, allowed: prompts with tokens of <new3>$"):
        check_prompts(validate(Params, alone))
    check_prompts(validate(Params, changed(f"{HERE}/multi_concept/prompts", ["a <new3>"], alone)))


def test_concepts_are_chosen_by_rule():
    """The farthest colors from those of training, each starting from the nearest of these whose name is one word."""
    params = validate(Params, PARAMS)
    assert params.circles and params.personalization
    colors, concepts = params.circles.colors, params.personalization.concepts
    chosen = [concept.color or "" for concept in concepts.values()]
    assert chosen == params.circles.held_out_colors and len(chosen) == 3
    assert [color.replace(" ", "") for color in chosen] == farthest_colors(colors, 3)
    words = [color for color in colors if " " not in color]
    nearest = [words[contrasts([color, *words])[0, 1:].argmin()] for color in chosen]
    assert [concept.initializer for concept in concepts.values()] == nearest
    others = contrasts([*chosen, *colors])[:3] + 100 * np.eye(3, 3 + len(colors))
    assert others.min() > max(18, 2 * params.personalization.multi_concept.presence.max_delta_e - 0.01)
