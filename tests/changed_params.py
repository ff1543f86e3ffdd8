"""The committed params.yaml with one value changed."""

from copy import deepcopy
from functools import reduce
from pathlib import Path
from typing import Any

from difflab.config.load import read_yaml

ROOT = Path(__file__).parents[1]
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


# The committed file, with those values fixed on which the lines below depend.
PARAMS = read_yaml(ROOT / "params.yaml")
for key, value in {
    "prepare": {"digit_size": 16, "face_size": 32},
    "recipes/joint-cosine/network/patch_size": 4,
    "recipes/joint-cosine/network/block_out_channels": [64, 128],
    "recipes/joint-cosine/sampling/num_inference_steps": 50,
    "recipes/joint-cosine/sampling/timestep_spacing": "trailing",
    "faces/network/patch_size": 4,
    "faces/network/block_out_channels": [64, 128],
    "faces/schedule": {"name": "linear", "num_train_timesteps": 1000, "beta_start": 1e-4, "beta_end": 0.02},
    "faces/sampling/num_inference_steps": 50,
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
