"""The reference page of params.yaml: a table for each section, from the fields in src/difflab/config/."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from difflab.config.params import Params
from difflab.config.validation import section_of

Schema = dict[str, Any]  # JSON schema from pydantic
HEAD = "| key | value | default | meaning |\n|---|---|---|---|\n"
ENTRIES = {
    "sets": "NAME",
    **{"recipes": "RECIPE", "few_steps": "RECIPE", "concepts": "CONCEPT", "methods": "METHOD", "two_circles": "N"},
}


def parameters_text() -> str:
    """Markdown with a table for each section of params.yaml, then for each kind of section that several keys share."""
    schema = Params.model_json_schema()
    kinds: dict[str, Schema] = schema["$defs"]
    used = Counter(_kinds_in(schema))
    shared = {kind: _title(kind) for kind in kinds if used[kind] > 1} | _titles_of_unions(schema)
    tables = Tables(kinds, shared)
    parts = [tables.section(key, key, field) for key, field in schema["properties"].items()]
    parts.append("## Shared sections\n\nSeveral keys have a section of one of these kinds.\n")
    parts += [tables.section(shared[kind], "", {"$ref": kind}) for kind in sorted(shared, key=shared.__getitem__)]
    return "\n" + "\n".join(parts) + "\n"


@dataclass(frozen=True)
class Tables:
    """`kinds`: the schema of each kind of section; `shared`: the titles of kinds with their own table."""

    kinds: dict[str, Schema]
    shared: dict[str, str]

    def section(self, title: str, key: str, field: Schema) -> str:
        """Heading, text and table of the section `key`, or of a kind of section if `key` is empty."""
        entries, kind = _section(key, _without_null(field)[0])
        optional = " This section and its stages can be left out." if "default" in field else ""
        rows = (row for name, below in self._fields(kind) for row in self.rows(f"{entries}.{name}".strip("."), below))
        return f"### {title}\n\n{self._text(kind, field)}{optional}\n\n{HEAD}{''.join(rows)}"

    def rows(self, key: str, field: Schema) -> Iterator[str]:
        """The row of a key, followed by those of the keys below it, unless these have their own table."""
        default = f"`{json.dumps(field['default'], ensure_ascii=False)}`" if "default" in field else ""
        inner, null = _without_null(field)
        entries, kind = _section(key, inner)
        if not kind:
            yield _row(key, self._value(inner) + null, default, _sentence(field["description"]))
        elif kind in self.shared:
            yield _row(entries, _link(self.shared[kind], self.shared[kind]) + null, default, self._text(kind, field))
        else:
            yield _row(entries, "section" + null, default, self._text(kind, field))
            for name, below in self._fields(kind):
                yield from self.rows(f"{entries}.{name}", below)

    def _fields(self, kind: str) -> list[tuple[str, Schema]]:
        return list(self.kinds[kind]["properties"].items())

    def _text(self, kind: str, field: Schema) -> str:
        """The description of a kind of section, and of the key that has it."""
        return " ".join(map(_sentence, filter(None, [self.kinds[kind]["description"], field.get("description")])))

    def _value(self, field: Schema) -> str:
        """The allowed values, as text."""
        match field:
            case {"enum": names}:
                return ", ".join(f"`{name}`" for name in names)
            case {"const": name}:
                return f"`{name}`"
            case {"discriminator": {"propertyName": key, "mapping": mapping}}:
                links = (_link(f"`{name}`", self.shared[_name(kind)]) for name, kind in mapping.items())
                return f"section by `{key}`: {', '.join(links)}"
            case {"oneOf": options} | {"anyOf": options}:
                return " or ".join(map(self._value, options))
            case {"type": "boolean"}:
                return "`true`, `false`"
            case {"type": "string"}:
                return f"text{_like(field.get('pattern'))}"
            case {"type": "array", "items": items}:
                length = f"{field['minItems']} of " if field.get("minItems") == field.get("maxItems", "") else ""
                return f"list of {length}{self._value(items)}"
            case {"type": "object", "additionalProperties": values, "propertyNames": names}:
                return f"for each of {self._value({'type': 'string', **names})}: {self._value(values)}"
            case {"type": "object", "patternProperties": patterns}:
                [(pattern, values)] = patterns.items()
                return f"for each name{_like(pattern)}: {self._value(values)}"
            case _:
                return f"{field['type']}{_bounds(field)}"


def _kinds_in(node: Any) -> Iterator[str]:
    """The kinds of sections that a schema refers to, with repetitions."""
    return (_name(part["$ref"]) for part in _parts(node) if "$ref" in part)


def _parts(node: Any) -> Iterator[Schema]:
    """All objects of a schema."""
    inside: list[Any] = []
    if isinstance(node, dict):
        yield (part := cast(Schema, node))
        inside = list(part.values())
    elif isinstance(node, list):
        inside = cast(list[Any], node)
    for part in inside:
        yield from _parts(part)


def _section(key: str, field: Schema) -> tuple[str, str]:
    """The key of a section, or of the entries of a dict or list of sections, and its kind; kind "" for other values."""
    several = [*field.get("patternProperties", {}).values(), field.get("additionalProperties"), field.get("items")]
    for entry in map(section_of, several):
        if "$ref" in entry:
            return f"{key}.{ENTRIES[key.rpartition('.')[2]]}", _name(entry["$ref"])
    return key, _name(field.get("$ref", ""))


def _name(reference: str) -> str:
    """The NAME in a reference `#/$defs/NAME` to a kind."""
    return reference.rpartition("/")[2]


def _without_null(field: Schema) -> tuple[Schema, str]:
    options = [option for option in field.get("anyOf", [field]) if option != {"type": "null"}]
    return options[0], "" if options == [field] else " or `null`"


def _title(kind: str) -> str:
    """The title of a kind, such as "Guided sampling" for GuidedSamplingParams."""
    return " ".join(re.findall(r"[A-Z][a-z]*", kind.removesuffix("Params"))).capitalize()


def _titles_of_unions(schema: Schema) -> dict[str, str]:
    """Titles such as "Schedule: cosine" for the kind of `schedule` whose `name` is cosine."""
    titles: dict[str, str] = {}
    for part in _parts(schema):
        for key, field in part.get("properties", {}).items():
            mapping = _without_null(field)[0].get("discriminator", {}).get("mapping", {})
            for kind in map(_name, mapping.values()):
                names = [name for name, other in mapping.items() if _name(other) == kind]
                titles[kind] = f"{key.capitalize()}: {', '.join(names)}"
    return titles


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    starts_with_a_name = re.match(r"\w\b|\w+[:=._(]", text)
    text = text if starts_with_a_name else text[:1].upper() + text[1:]
    return text if text.endswith((".", "…")) else f"{text}."


def _row(key: str, *cells: str) -> str:
    return f"| {' | '.join([f'`{key}`', *cells])} |\n"


def _like(pattern: str | None) -> str:
    return f" like `{pattern}`" if pattern and "|" not in pattern else ""  # "|" would end the cell


def _link(text: str, title: str) -> str:
    anchor = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
    return f"[{text}](#{anchor})"


def _bounds(field: Schema) -> str:
    if field["type"] == "integer" and "exclusiveMaximum" in field:
        field = field | {"maximum": field["exclusiveMaximum"] - 1}
    match field:
        case {"minimum": low, "maximum": high}:
            bounds = f", {low:,} to {high:,}"
        case {"exclusiveMinimum": low, "maximum": high}:
            bounds = f" > {low:,}, ≤ {high:,}"
        case {"minimum": low, "exclusiveMaximum": high}:
            bounds = f" ≥ {low:,}, < {high:,}"
        case {"exclusiveMinimum": low, "exclusiveMaximum": high}:
            bounds = f" > {low:,}, < {high:,}"
        case _:
            bounds = ""
    return bounds + (f", a multiple of {field['multipleOf']}" if "multipleOf" in field else "")
