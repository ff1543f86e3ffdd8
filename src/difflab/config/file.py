"""Reading params.yaml: all of it, or one section."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, overload

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML

from difflab.config.whole import Params
from difflab.errors import UserError, reading
from difflab.pipeline.run_records import note_params
from difflab.validation import explain

T = TypeVar("T")


class ParamsError(UserError):
    """A value of `params.yaml` that is not allowed; the message is one line."""


def validate(kind: type[T], value: Any, key: str = "") -> T:
    """Check `value` as the section `key` of params.yaml. Raises ParamsError with one line."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise ParamsError(f"params.yaml: {explain(error, kind, key)}") from None


def read_yaml(path: str | Path) -> Any:
    """The YAML of a file, as `parse_yaml` reads it."""
    path = Path(path)
    if not path.exists():
        raise ParamsError(f"{path}: not found; `difflab profile cpu` writes it")
    with reading(path, kind=ParamsError):
        content = path.read_bytes()
    return parse_yaml(content, str(path))


@lru_cache(maxsize=1)  # a stage reads several sections of one file, and parsing takes its time
def parse_yaml(content: bytes, place: str) -> Any:
    """YAML 1.2, as DVC reads it: 1e-5 is a number, and a key that stands twice is refused.

    Raises ParamsError, one line that begins with `place`.
    """
    with reading(place, kind=ParamsError):
        return YAML(typ="safe").load(content.decode())


def load_params(path: str | Path = Path("params.yaml")) -> Params:
    """Read and check the whole file. Raises ParamsError with one line."""
    tree = read_yaml(path)
    _refuse_shared_sections(tree)
    return validate(Params, tree)


def _refuse_shared_sections(tree: Any) -> None:
    """Refuse a section that YAML's `<<` or an alias puts in two places.

    `dvc exp run -S` changes such a section in both places, or in neither, whichever of the two it names.
    """
    keys, front = {id(tree): ""}, [("", tree)]
    for prefix, section in front:  # which grows
        for name, value in section.items() if isinstance(section, dict) else ():
            key = f"{prefix}.{name}".strip(".")
            if isinstance(value, dict) and keys.setdefault(id(value), key) != key:
                found = f"the section {keys[id(value)]} by `<<` or an alias"
                allowed = "a section of its own, because `dvc exp run -S` changes shared ones in both places or in none"
                raise ParamsError(f"params.yaml: {key}: found {found}, allowed: {allowed}; `difflab recipe` copies one")
            front.append((key, value))


@overload
def load_section(kind: type[T], key: str, path: str | Path = ...) -> T: ...
@overload
def load_section(kind: Any, key: str, path: str | Path = ...) -> Any: ...
def load_section(kind: Any, key: str, path: str | Path = Path("params.yaml")) -> Any:
    """Read and check one section, named by its dotted key; a stage reads only the sections dvc.yaml gives it."""
    value = read_yaml(path)
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            there = ", ".join(map(str, value)) if isinstance(value, dict) and value else "no section"
            raise ParamsError(f"params.yaml: {key}: found no {part!r} there, allowed: {there}")
        value = value[part]
    note_params(key, value)
    return validate(kind, value, key)
