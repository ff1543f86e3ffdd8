"""200 seeded damages of params.yaml: each is refused in one line that names its key."""

import copy
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from difflab.config.load import validate
from difflab.config.params import Params, load_params
from difflab.errors import UserError

ROOT = Path(__file__).parents[2]
PARAMS = load_params(ROOT / "params.yaml").model_dump()
COUNT = 200
SECTIONS = Params.model_json_schema()["$defs"].values()
WITH_DEFAULT = {
    name for part in SECTIONS for name in part.get("properties", {}) if name not in part.get("required", [])
}
GONE = "(no longer there)"  # in place of a value: its key is removed

# By the type of a value: what it must not become.
BAD: dict[type, list[Any]] = {
    bool: [None, "yes", 2, 0.5, [], {}],
    int: [None, -1, 2**63, 1e30, 1.5, True, "3", "text", float("nan"), [], {}],
    float: [None, -1.0, 1e30, float("nan"), float("inf"), True, "0.1", [], {}],
    str: [3, True, [], {}, "", "no such name", "\x00", "a\nb"],
    list: [None, 3, "text", {}, [None], [[]], [{}], [float("nan")]],
    dict: [None, 3, "text", [], [1]],
    type(None): [3, True, [], {}, 0.5, "", "\x00"],
}
# What may be accepted all the same, by key and damage, each for its reason.
ACCEPTED = {
    r".*(prompt|prompts\.\d+|initializer)='no such name'": "words; `difflab check` looks for them in CLIP's vocabulary",
    r"(clip|text_to_image)\.pretrained='no such name'": "`difflab check` looks for the folder or the model on the hub",
    rf"recipes\.[^.]+(\.data\.\w+)?={re.escape(repr(GONE))}": "any set of recipes and domains is an experiment",
    r"recipes\.[^.]+\.data\.\w+\.\d+=('3'|'text'|3)": "a class; `difflab check` looks for it in the data set",
    r".*\.ema_decay=(None|0\.5)": "no moving average, or another one",
    r".*\.min_snr_gamma=0\.5": "weights of the loss",
    r".*\.max_grad_norm=(None|0\.5)": "no clipping, or another norm",
    r".*\.time_embedding_dim=(None|3)": "four times the first width, or another one",
}


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value below `node`, sections and entries of lists included, with its path."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in items:
        yield (*path, name), value
        yield from places(value, (*path, name))


def damages() -> list[tuple[tuple[Any, ...], Any]]:
    """A path and what is put there; GONE removes the key, and a path whose last name is unknown adds one."""
    chosen = random.Random(0)
    every = list(places(PARAMS))
    found = []
    while len(found) < COUNT:
        path, value = chosen.choice(every)
        kinds = [*BAD[type(value)]]
        if isinstance(path[-1], str):
            kinds.append(GONE)
        found.append((path, chosen.choice(kinds)))
        if isinstance(value, dict) and len(found) < COUNT:
            found.append(((*path, f"{chosen.choice(list(value))}x"), 1))
    return found


def damaged(path: tuple[Any, ...], value: Any) -> Any:
    tree = copy.deepcopy(PARAMS)
    node = tree
    for name in path[:-1]:
        node = node[name]
    if value == GONE:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return tree


@pytest.mark.parametrize(("path", "value"), damages(), ids=repr)
def test_damage_is_refused_in_one_line(path: tuple[Any, ...], value: Any) -> None:
    key = ".".join(map(str, path))
    try:
        validate(Params, damaged(path, value))
    except UserError as error:
        message = str(error)
        assert message.isprintable()
        assert str(path[0]) in message or "studies" in message
        assert "allowed: " in message
        assert not message.endswith("allowed: ")
    else:
        has_default = value == GONE and path[-1] in WITH_DEFAULT
        assert has_default or [
            reason for pattern, reason in ACCEPTED.items() if re.fullmatch(pattern, f"{key}={value!r}")
        ]
