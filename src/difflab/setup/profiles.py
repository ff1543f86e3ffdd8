"""Writes params.yaml with its comments: a profile from conf/ (`difflab profile`), or a new recipe (`difflab recipe`).

conf/cpu.yaml is the default profile; conf/NAME.yaml contains only the differences of another one: `~KEY:` removes an
entry, `~: [KEY, …]` several and `~:` all entries of the section, and `like: NAME` in a new recipe copies the values of
a recipe of conf/cpu.yaml.
"""

from __future__ import annotations

import io
from copy import deepcopy
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark, YAMLError
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.tokens import CommentToken

from difflab.config.load import parse_yaml, read_yaml, validate
from difflab.config.params import Params, load_params
from difflab.errors import UserError
from difflab.pipeline.files import atomic_write

PARAMS = Path("params.yaml")
CONF = Path("conf")
DEFAULT = "cpu"
COMMENT_COLUMN = 27
REMOVE, LIKE, SUFFIX = "~", "like", ".yaml"


class _Representer(RoundTripRepresenter):
    """Writes None as null; ruamel.yaml writes nothing."""


_Representer.add_representer(type(None), lambda self, _: self.represent_scalar("tag:yaml.org,2002:null", "null"))


def write_profile(name: str, overrides: list[str]) -> None:
    """Write a profile to params.yaml; if the result is not valid, params.yaml is unchanged.

    Raises UserError, one line with the file or the key.
    """
    _write(compose(name, overrides))


def compose(name: str, overrides: list[str], conf: Path = CONF) -> CommentedMap:
    """The profile `name`, of conf/ or a file NAME.yaml, with `overrides` (KEY=VALUE or ~KEY) applied."""
    profiles = sorted(path.stem for path in conf.glob("*.yaml"))
    if not profiles:
        raise UserError(f"{conf}: found no profile in {Path.cwd()}, allowed: the root of the repository")
    file = Path(name) if name.endswith(SUFFIX) else conf / f"{name}{SUFFIX}"
    if not file.exists():
        raise UserError(f"profile: found {name!r}, allowed: {', '.join(profiles)}, or a file FILE{SUFFIX}")
    tree = _round_trip(conf / f"{DEFAULT}.yaml")
    if name != DEFAULT:
        changes = _round_trip(file)
        copies = _copies(changes, tree, name)
        _merge(tree, changes)
        for recipe, copy in copies.items():
            tree["recipes"].fa.set_block_style()
            _append(tree["recipes"], recipe, copy, between="\n")
    for override in overrides:
        _override(tree, override, "profile")
    return tree


def _copies(changes: CommentedMap, default: CommentedMap, profile: str) -> dict[str, CommentedMap]:
    """Take recipes with `like` out of `changes`; returns copies of the recipes that they name, with their own data."""
    recipes = changes.get("recipes")
    alike = {k: v for k, v in recipes.items() if isinstance(v, CommentedMap) and LIKE in v} if recipes else {}
    copies: dict[str, CommentedMap] = {}
    for name, recipe in alike.items():
        del recipes[name]
        base = default["recipes"].get(recipe[LIKE])
        if base is None:
            known = ", ".join(default["recipes"])
            raise UserError(f"{profile}: recipes.{name}.{LIKE}: found {recipe[LIKE]!r}, allowed: {known}")
        del recipe[LIKE]
        copies[name] = copy = deepcopy(base)
        copy.ca.comment = None
        if "data" in recipe:
            copy["data"] = recipe.pop("data")
        _merge(copy, recipe)
    return copies


def write_recipe(name: str, base: str, overrides: list[str]) -> None:
    """Add the recipe `name` to params.yaml: a copy of the recipe `base` with `overrides` (KEY=VALUE) applied.

    Keeps comments and order. Raises UserError, one line with the key; the file is then unchanged.
    """
    recipes = load_params(PARAMS).recipes
    if base not in recipes:
        raise UserError(f"recipe: found {base!r}, allowed: {', '.join(recipes)}")
    if name in recipes:
        raise UserError(f"recipe: found {name!r}, allowed: a new name")
    tree = _round_trip(PARAMS)
    recipe = deepcopy(tree["recipes"][base])
    recipe.ca.comment = None  # the comment on the name of `base`
    for override in overrides:
        _override(recipe, override, "recipe")
    _append(tree["recipes"], name, recipe, between="\n")
    _write(tree)


def _yaml() -> YAML:
    yaml = YAML()
    yaml.width = 120
    yaml.preserve_quotes = True
    yaml.Representer = _Representer
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _round_trip(path: Path) -> CommentedMap:
    """Parse the file with its comments. Raises UserError, one line with the path."""
    read_yaml(path)  # raises the clearer errors
    try:
        tree = _yaml().load(path.read_bytes().decode())
    except (YAMLError, RecursionError) as error:
        raise UserError(f"{path}: {' '.join(str(error).split())}") from None
    if not isinstance(tree, CommentedMap):
        raise UserError(f"{path}: found no section, allowed: sections of params.yaml")
    return tree


def _write(tree: CommentedMap) -> None:
    stream = io.BytesIO()
    _yaml().dump(tree, stream)
    validate(Params, parse_yaml(stream.getvalue(), str(PARAMS)))
    with atomic_write(PARAMS) as partial:
        partial.write_bytes(stream.getvalue())


def _merge(tree: CommentedMap, changes: CommentedMap) -> None:
    """Merge the values of `changes` into `tree`; a changed value takes its comment from `changes`."""
    if None in changes:  # YAML parses ~ as null
        if changes[None] is None:
            tree.clear()
            tree.fa.set_flow_style()
        for name in changes[None] or ():
            _remove_known(tree, name)
    for key, value in changes.items():
        text = str(key)
        if key is None:
            continue
        if text.startswith(REMOVE):
            _remove_known(tree, text.removeprefix(REMOVE))
        elif isinstance(value, CommentedMap) and isinstance(tree.get(key), CommentedMap):
            _merge(tree[key], value)
        else:
            _put(tree, key, value)
            _comment(tree, key, _token(changes, key).partition("\n")[0])


def _override(tree: CommentedMap, override: str, command: str) -> None:
    """Apply KEY=VALUE or ~KEY; as with `dvc exp run -S`, a new key may begin with +."""
    key, separator, value = override.lstrip("+").partition("=")
    *sections, last = key.removeprefix(REMOVE).split(".")
    node: Any = tree
    for name in sections:
        node = node.setdefault(name, CommentedMap()) if isinstance(node, CommentedMap) else None
    removes = key.startswith(REMOVE)
    if not isinstance(node, CommentedMap) or not last or (removes and last not in node) or not (separator or removes):
        raise UserError(f"{command}: found {override!r}, allowed: KEY=VALUE or ~KEY with a key of params.yaml")
    if removes:
        _remove(node, last)
    else:
        _put(node, last, parse_value(value))


def parse_value(text: str) -> Any:
    """Parse a number, true, false, null, a list or section in brackets, or quoted text; anything else is plain text."""
    try:
        value = YAML(typ="safe").load(text)
    except (YAMLError, ValueError, RecursionError):
        return text
    written = text.strip()[:1] in ("[", "{", '"', "'")
    plain = (value is None and text == "null") or isinstance(value, (bool, int, float))
    return value if plain or (written and isinstance(value, (list, dict, str))) else text


def _put(node: CommentedMap, key: Any, value: Any) -> None:
    value = _in_one_line(value)
    if key not in node:
        _append(node, key, value)
        return
    comment, rest = _token(node, key).partition("\n")[0], _after(node, key)
    node[key] = value
    _comment(node, key, comment, rest)


def _in_one_line(value: Any) -> Any:
    """A copy with lists and sections in brackets, without comments."""
    match value:
        case dict():
            copy = CommentedMap({name: _in_one_line(item) for name, item in value.items()})
        case list():
            copy = CommentedSeq(_in_one_line(item) for item in value)
        case _:
            return value
    copy.fa.set_flow_style()
    return copy


# ruamel.yaml stores everything between two values (comment, blank lines, comment lines) as one token at the key of the
# first value, or at the last key within it.


def _append(node: CommentedMap, key: Any, value: Any, between: str = "") -> None:
    rest = ""
    if node:
        last = list(node)[-1]
        rest = _after(node, last)
        _set_after(node, last, between)
    node[key] = value
    _set_after(node, key, rest)


def _remove_known(node: CommentedMap, key: str) -> None:
    if key not in node:
        raise UserError(f"profile: found {REMOVE}{key}, allowed: {REMOVE} and one of {', '.join(map(str, node))}")
    _remove(node, key)


def _remove(node: CommentedMap, key: str) -> None:
    names = list(node)
    rest = _after(node, key)
    del node[key]
    node.ca.items.pop(key, None)
    if names[-1] == key and len(names) > 1:
        _set_after(node, names[-2], rest)


def _last(node: Any, key: Any) -> tuple[Any, Any]:
    """The node and key that store the token after the value at `key`."""
    value = node[key]
    if isinstance(value, (CommentedMap, CommentedSeq)) and value and not value.fa.flow_style():
        return _last(value, list(value)[-1] if isinstance(value, CommentedMap) else len(value) - 1)
    return node, key


def _token(node: Any, key: Any) -> str:
    token = node.ca.items.get(key, [None] * 4)[0 if isinstance(node, CommentedSeq) else 2]
    return token.value if token else ""


def _after(node: Any, key: Any) -> str:
    """The lines between the value at `key` and the next one."""
    return _token(*_last(node, key)).partition("\n")[2]


def _set_after(node: Any, key: Any, lines: str) -> None:
    node, key = _last(node, key)
    _comment(node, key, _token(node, key).partition("\n")[0], lines)


def _comment(node: Any, key: Any, comment: str, rest: str | None = None) -> None:
    """Set the comment on the line of `key`, and the lines after its value."""
    rest = _after(node, key) if rest is None else rest
    slots = node.ca.items.setdefault(key, [None] * 4)
    slot = 0 if isinstance(node, CommentedSeq) else 2
    text = f"{comment}\n{rest}"
    old = slots[slot]
    column = old.start_mark.column if old else COMMENT_COLUMN
    slots[slot] = CommentToken(text, CommentMark(column), None) if text != "\n" else None
