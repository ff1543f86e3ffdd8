"""What pydantic finds wrong with a value, as one line: the key, what was found, what is allowed."""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

BOUNDS = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤", "multipleOf": "multiple of"}
ITEMS = {"minItems": "at least", "maxItems": "at most"}


def refuse(key: str, found: Any, allowed: str) -> PydanticCustomError:
    """The error for a model's validator to raise where one key (below the model's own) contradicts another."""
    return PydanticCustomError("refused", "{allowed}", {"key": key, "found": found, "allowed": allowed})


def explain(error: ValidationError, kind: Any, prefix: str, value: Any = None) -> str:
    """One line, `KEY: found X, allowed: Y`, for the first thing wrong with `value`, of type `kind`, at `prefix`."""
    first, *more = error.errors(include_url=False)
    location = [str(part) for part in first["loc"]]
    schema = TypeAdapter(kind).json_schema()
    found, allowed = _text(first["input"]), ""
    match first["type"]:
        case "missing":
            found, allowed = "nothing", _describe(_at(schema, location), schema)
        case "extra_forbidden" | "invalid_key":
            names = _section(_at(schema, location[:-1]), schema)["properties"]
            nearest = get_close_matches(location[-1], names, n=3) or names
            found, allowed = "an unknown key", ", ".join(nearest)
        case "union_tag_invalid" | "union_tag_not_found":
            union = _section(_at(schema, location), schema)["discriminator"]
            location.append(union["propertyName"])
            tag = first.get("ctx", {}).get("tag")
            found = "nothing" if tag is None else _text(tag)
            allowed = ", ".join(map(_text, union["mapping"]))
        case "refused":
            context = first.get("ctx", {})
            location.append(context["key"])
            found, allowed = _text(context["found"]), context["allowed"]
        case _ if location and location[-1] == "[key]":
            *location, _ = location
            section = _at(schema, location[:-1])
            patterns = [{"pattern": pattern} for pattern in section.get("patternProperties", {})]
            names = section.get("propertyNames") or next(iter(patterns), {"type": "string"})
            found, allowed = "an unknown key", _describe(names, schema)
        case _:
            allowed = _describe(_at(schema, location), schema)
    key = ".".join(part for part in (prefix, *_without_tags(location, value)) if part)
    line = f"found {found}, allowed: {allowed}" + (f" (and {len(more)} more)" if more else "")
    return _on_one_line(f"{key}: {line}" if key else line)


def _without_tags(location: list[str], value: Any) -> Iterator[str]:
    """The keys of a location, without the names of the kinds that pydantic puts after the key of a union."""
    for part in location:
        if not (isinstance(value, dict) and part not in value and part in value.values()):
            yield part
            value = value.get(part) if isinstance(value, dict) else _item(value, part)


def _item(value: Any, part: str) -> Any:
    return value[int(part)] if isinstance(value, list) and part.isdigit() and int(part) < len(value) else None


def _on_one_line(text: str) -> str:
    """`text`, in which keys and values of the user's may stand, with all that a terminal breaks lines at escaped."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda found: found[0].encode("unicode_escape").decode(), text)


def _text(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (RecursionError, ValueError):  # nested too deeply, or in itself, as YAML's aliases can be
        text = reprlib.repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _at(schema: dict[str, Any], location: list[str]) -> dict[str, Any]:
    """The part of a JSON schema that describes the value at `location`."""
    node = schema
    for part in location:
        node = _section(node, schema)
        if "discriminator" in node and part in node["discriminator"]["mapping"]:
            node = {"$ref": node["discriminator"]["mapping"][part]}
            continue
        entries = [*node.get("patternProperties", {}).values(), node.get("additionalProperties"), node.get("items")]
        node = node.get("properties", {}).get(part) or next(filter(None, entries))
    return _resolve(node, schema)


def _section(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """What describes a value that is there, also where null is allowed in its place."""
    node = _resolve(node, schema)
    return next((_resolve(choice, schema) for choice in node.get("anyOf", []) if choice != {"type": "null"}), node)


def _resolve(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    return schema["$defs"][node["$ref"].removeprefix("#/$defs/")] if "$ref" in node else node


def _describe(node: dict[str, Any], schema: dict[str, Any]) -> str:
    node = _resolve(node, schema)
    match node:
        case {"anyOf": choices}:
            return " or ".join(_describe(choice, schema) for choice in choices)
        case {"enum": values}:
            return ", ".join(map(_text, values))
        case {"const": value}:
            return _text(value)
        case {"discriminator": {"propertyName": name, "mapping": kinds}}:
            return f"a section with {name}: {', '.join(kinds)}"
        case {"properties": names}:
            return f"a section with {', '.join(names)}"
        case {"type": "object"}:
            return "a section that is not empty"
        case {"type": "array", "items": items}:
            limits = [f"{words} {node[name]}" for name, words in ITEMS.items() if name in node]
            return f"a list of {_describe(items, schema)}" + (f" ({', '.join(limits)} of them)" if limits else "")
        case {"pattern": pattern}:
            return f"text like {pattern}"
    limits = [f"{sign} {node[name]}" for name, sign in BOUNDS.items() if name in node]
    return " ".join([node["type"], " and ".join(limits)]).strip()
