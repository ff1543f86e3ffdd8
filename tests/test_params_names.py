"""Lists of params.yaml whose values become keys, rows or names of files hold each once."""

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from difflab.config.load import ParamsError, read_yaml, validate
from difflab.config.params import Params

from tests.changed_params import PARAMS, ROOT, changed, leaves, value_at


def repeated(key: str, params: Any) -> Any:
    """A copy of `params` in which the last value of the list at `key` stands twice, or with no name of its own."""
    *others, last = value_at(key, params)
    twin = last * (1 - 1e-9) if isinstance(last, float) else last
    return changed(key, [last, twin] if key.endswith("noises") else [*others, last, twin], params)


@pytest.mark.parametrize(
    "key",
    [
        "recipes/joint-cosine/data/mnistm",
        "faces/sampling/etas",
        "faces/sampling/step_seeds",
        "faces/interpolation/noises",
        "controlnet/samples/conditioning_scales",
        "circles/colours",
        "circles/held_out_colours",
        "personalization/templates",
        "personalization/custom_diffusion/prior/prompts",
        "personalization/multi_concept/prompts",
        "studies/unconditional",
        "studies/fid/lengths",
        "studies/fid/drawing/seeds",
        "studies/few_steps/mnistm-linear/samplers",
        "studies/few_steps/mnistm-linear/num_inference_steps",
        "studies/guidance/guidance_scales",
        "studies/training_gif/recipes",
        "adaptation/scenarios",
    ],
)
def test_what_becomes_a_name_stands_once(key: str) -> None:
    """Equal values would be counted twice, and one would overwrite the other's results."""
    with pytest.raises(ParamsError) as error:
        validate(Params, repeated(key, PARAMS))
    assert str(error.value).startswith(f"params.yaml: {key.replace('/', '.')}: found ")
    assert ", allowed: " in str(error.value)


def test_every_list_of_the_file_is_of_names_or_of_parts() -> None:
    """Those that may repeat a value are the levels of a network, and the geometry and colors of one drawing."""
    parts = {"channels", "block_out_channels", "hint_channels"}
    drawn = {"controlnet/samples/two_circles"}
    lists = [key for key in leaves(PARAMS) if isinstance(value_at(key), list)]
    names = [key for key in lists if key.split("/")[-1] not in parts and not any(key.startswith(it) for it in drawn)]
    assert len(names) > 20
    for key in names:
        with pytest.raises(ParamsError):
            validate(Params, repeated(key, PARAMS))


@pytest.mark.parametrize("key", ["faces/sampling/etas", "controlnet/samples/conditioning_scales"])
def test_minus_zero_is_no_zero(key: str) -> None:
    """Files are named after these numbers, and those of 0.0 are looked for."""
    with pytest.raises(ParamsError, match=rf"^params\.yaml: {key.replace('/', '.')}\.0: found -0\.0, allowed: 0\.0 in"):
        validate(Params, changed(key, [-0.0, 0.5], PARAMS))


def test_a_recipe_takes_no_name_of_another_output() -> None:
    """Of models/, metrics/, samples/ and curves/, as dvc.yaml has them."""
    stages = read_yaml(ROOT / "dvc.yaml")["stages"].values()
    stages = [stage for stage in stages if "${recipes}" not in (stage.get("foreach"),)]
    outs = [out for stage in stages for out in [*stage.get("outs", []), *stage.get("metrics", [])]]
    paths = [Path(next(iter(out)) if isinstance(out, dict) else out) for out in outs]
    names = {path.parts[1].removesuffix(".json") for path in paths if path.parts[0] in ("models", "metrics", "samples")}
    names = {name for name in names if re.fullmatch("[a-z0-9-]+", name)}
    assert names >= {"faces", "guidance", "interpolation", "controlnet"}
    for name in names:
        params = deepcopy(PARAMS)
        params["recipes"][name] = params["recipes"]["joint-cosine"]
        with pytest.raises(ParamsError, match=rf'^params\.yaml: recipes: found "{name}", allowed: another name'):
            validate(Params, params)
