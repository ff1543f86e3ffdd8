"""Errors of pydantic as one line: the key, the value found, the values allowed."""

from __future__ import annotations

import json
import re
import reprlib
from difflib import get_close_matches
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

UNKNOWN = object()  # value of a key that is not allowed itself


def refuse(key: str, found: Any, allowed: str) -> PydanticCustomError:
    """The error that a model's validator raises if `key`, relative to the model, contradicts another key."""
    return PydanticCustomError("refused", "{allowed}", {"key": key, "found": found, "allowed": allowed})


def section_of(value: Any) -> dict[Any, Any]:
    """`value` if it is a mapping, like a section of a YAML file; otherwise an empty one."""
    return cast(dict[Any, Any], value) if isinstance(value, dict) else {}


def explain(error: ValidationError, value: Any, prefix: str) -> str:
    """One line, `KEY: found X, allowed: Y`, for the first error in `value`, the value of the key `prefix`."""
    first, *more = sorted(error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden")
    keys, found = [prefix, *_keys(first["loc"], value)], _text(first["input"])
    allowed = first["msg"].removeprefix("Input should be ")
    if first["type"] == "refused":
        refused = first.get("ctx", {})
        keys, allowed = [*keys, refused["key"]], refused["allowed"]
        found = "an unknown key" if refused["found"] is UNKNOWN else _text(refused["found"])
    elif first["type"].startswith("union_tag_"):
        union = first.get("ctx", {})
        keys, found = [*keys, union["discriminator"].strip("'")], _text(union["tag"]) if "tag" in union else "nothing"
        allowed = union.get("expected_tags", "a value, which is required").replace("'", "")
    elif first["loc"][-1:] == ("[key]",):
        found = "an unknown key"
    elif first["type"] == "model_type":
        allowed = "a section"
    elif first["type"] == "missing":
        found, allowed = "nothing", "a value, which is required"
    elif first["type"] == "extra_forbidden":  # perhaps a misspelt name of a required key
        missing = [str(e["loc"][-1]) for e in more if e["type"] == "missing" and e["loc"][:-1] == first["loc"][:-1]]
        found, allowed = "an unknown key", ", ".join(get_close_matches(keys[-1], missing)) or "no other keys"
    line = f"{'.'.join(filter(None, keys))}: found {found}, allowed: {allowed}".removeprefix(": ")
    line += f" (and {len(more)} more)" if more else ""
    # Line-breaking characters are escaped, as keys and values come from the user.
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda c: c[0].encode("unicode_escape").decode(), line)


def _keys(location: tuple[int | str, ...], value: Any) -> list[str]:
    """The keys in pydantic's location of an error in `value`, without names of types and tags of unions."""
    keys: list[str] = []
    for part in map(str, location):
        numbered = cast(list[Any], value) if isinstance(value, list) else []
        inside = {str(name): item for name, item in [*section_of(value).items(), *enumerate(numbered)]}
        missing = isinstance(value, dict) and part not in inside.values() and part == str(location[-1])
        if part in inside or (missing and part != "[key]"):
            keys, value = [*keys, part], inside.get(part)
    return keys


def _text(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (RecursionError, ValueError):  # nested too deeply, or in itself through YAML aliases
        text = reprlib.repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
