"""The committed params.yaml, every default written out, with one value changed."""

from copy import deepcopy
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from difflab.config.load import ParamsError, validate
from difflab.config.params import Params, load_params

ROOT = Path(__file__).parents[2]
DELETE = object()


def changed(key: str, value: Any, params: Any) -> Any:
    """A copy of `params` with the value at `key` (parts divided by /) replaced, or deleted."""
    params = deepcopy(params)
    *sections, last = [int(part) if part.isdigit() else part for part in key.split("/")]
    section = reduce(lambda node, part: node[part], sections, params)
    if value is DELETE:
        del section[last]
    else:
        section[last] = value
    return params


# The committed file, with those values fixed that the tests depend on.
PARAMS = load_params(ROOT / "params.yaml").model_dump()
for key, value in {
    "prepare": {"digit_size": 16, "face_size": 32},
    "recipes/joint-cosine/network/patch_size": 4,
    "recipes/joint-cosine/network/block_out_channels": [64, 128],
    "recipes/joint-cosine/sampling/num_inference_steps": 50,
    "faces/checkpoint": None,
    "clip/pretrained": None,
    "text_to_image/pretrained": None,
    "faces/network/patch_size": 4,
    "faces/network/block_out_channels": [64, 128],
    "faces/schedule": {"name": "linear", "num_train_timesteps": 1000, "beta_start": 1e-4, "beta_end": 0.02},
    "faces/sampling/timestep_spacing": "leading",
}.items():
    PARAMS = changed(key, value, PARAMS)


def leaves(node: Any, prefix: str = "") -> list[str]:
    """The key of every value, sections included."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else []
    return [key for name, value in items for key in (f"{prefix}{name}", *leaves(value, f"{prefix}{name}/"))]


def value_at(key: str, params: Any = PARAMS) -> Any:
    """What stands at `key`, parts divided by /."""
    return reduce(lambda node, part: node[int(part)] if isinstance(node, list) else node[part], key.split("/"), params)


def refusal(params: Any) -> tuple[str, str]:
    """The key that `params` are refused for, parts divided by /, and what the line says of it."""
    with pytest.raises(ParamsError) as error:
        validate(Params, params)
    return split_line(str(error.value))


def split_line(line: str) -> tuple[str, str]:
    assert len(line.splitlines()) == 1 and line.startswith("params.yaml: "), line
    key, _, rest = line.removeprefix("params.yaml: ").partition(": found ")
    return key.replace(".", "/"), rest
