"""What the section asks of its own values, in one line each."""

from pathlib import Path

import pytest

from difflab.params import Params, ParamsError, read_yaml, validate
from difflab.personalization.tokens import tokens_of
from difflab.prompts import check_prompts
from tests.test_params import DELETE, changed

PARAMS = read_yaml(Path(__file__).parents[2] / "params.yaml")
HERE = "personalization"


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        (
            "multi_concept/prompts",
            ["a <new1> next to a <new3>"],
            f'{HERE}.multi_concept.prompts: found "a <new1> next to a <new3>", '
            "allowed: prompts with tokens of <new1>, <new2>",
        ),
        (
            "multi_concept/prompts",
            ["a cat"],
            f'{HERE}.multi_concept.prompts: found "a cat", allowed: prompts with tokens of <new1>, <new2>',
        ),
        (
            "multi_concept/prompts",
            ["<new1>", "<new1>"],
            f'{HERE}.multi_concept.prompts: found ["<new1>", "<new1>"], allowed: different prompts',
        ),
        (
            "concepts/plum/token",
            "<new1>",
            f'{HERE}.concepts.dark-orange.token: found "<new1>", allowed: a token that no other concept has',
        ),
        (
            "concepts/plum/token",
            "new2",
            f'{HERE}.concepts.plum.token: found "new2", allowed: text like ^<[a-z0-9-]+>$',
        ),
        (
            "concepts/plum/images",
            "photos",
            f'{HERE}.concepts.plum.images: found "photos", allowed: null, because colour is plum',
        ),
        (
            "concepts/plum/colour",
            None,
            f"{HERE}.concepts.plum.images: found null, allowed: a folder, because colour and input are null",
        ),
        (
            "concepts/plum/colour",
            "teal",
            f'{HERE}.concepts.plum.colour: found "teal", allowed: null, or one of circles.held_out_colours: '
            "dark orange, plum",
        ),
        (
            "input",
            "input.json",
            f'{HERE}.concepts.dark-orange.colour: found "dark orange", allowed: null, because input names the images',
        ),
        (
            "templates",
            ["a photo"],
            f'{HERE}.templates.0: found "a photo", allowed: text like ^[^{{}}]*\\{{token\\}}[^{{}}]*$',
        ),
        (
            "custom_diffusion/prior",
            DELETE,
            f"{HERE}.custom_diffusion.prior: found nothing, allowed: a section with seed, prompts, num_images",
        ),
    ],
)
def test_a_bad_value_is_one_line(key, value, line):
    with pytest.raises(ParamsError) as error:
        check_prompts(validate(Params, changed(f"{HERE}/{key}", value, PARAMS)))
    assert str(error.value) == f"params.yaml: {line}"


def test_tokens_are_the_words_in_angle_brackets():
    assert tokens_of("a <new1> next to a <new-2>, <>") == ["<new1>", "<new-2>", "<>"]
    assert tokens_of("1 < 2 and 3 > 2") == []
