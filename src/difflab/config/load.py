"""Reads params.yaml, as a whole or by section."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, overload

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML

from difflab.config.training import RuntimeParams
from difflab.config.validation import explain, section_of
from difflab.errors import UserError, reading

T = TypeVar("T")


class ParamsError(UserError):
    """A value of `params.yaml` that is not allowed; the message is one line."""


def validate(kind: type[T], value: Any, key: str = "") -> T:
    """Check `value` as the section `key` of params.yaml. Raises ParamsError with one line."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise ParamsError(f"params.yaml: {explain(error, value, key)}") from None


def read_yaml(path: str | Path) -> Any:
    """The YAML of a file, as `parse_yaml` reads it."""
    path = Path(path)
    if not path.exists():
        raise ParamsError(f"{path}: not found; `difflab profile cpu` writes it")
    with reading(path, kind=ParamsError):
        content = path.read_bytes()
    return parse_yaml(content, str(path))


@lru_cache(maxsize=1)  # a stage reads several sections, and parsing is slow
def parse_yaml(content: bytes, place: str) -> Any:
    """Parse YAML 1.2, like DVC: 1e-5 is a number, and duplicate keys are refused.

    Raises ParamsError, one line that begins with `place`.
    """
    with reading(place, kind=ParamsError):
        tree: Any = YAML(typ="safe").load(content.decode())  # pyright: ignore[reportUnknownMemberType]
        return tree


@overload
def load_section(kind: type[T], key: str, path: str | Path = ...) -> T: ...
@overload
def load_section(kind: Any, key: str, path: str | Path = ...) -> Any: ...
def load_section(kind: Any, key: str, path: str | Path = Path("params.yaml")) -> Any:
    """Read and check the section with a dotted key. Raises ParamsError with one line."""
    return validate(kind, read_section(key, path), key)


def read_section(key: str, path: str | Path = Path("params.yaml")) -> Any:
    """The unchecked value of a dotted key. Raises ParamsError if there is no such key."""
    value = read_yaml(path)
    for part in key.split("."):
        there = section_of(value)
        if part not in there:
            names = ", ".join(map(str, there)) or "no section"
            raise ParamsError(f"params.yaml: {key}: found no {part!r} there, allowed: {names}")
        value = there[part]
    return value


def load_runtime(path: str | Path = Path("params.yaml")) -> RuntimeParams:
    """The section `runtime`, or its defaults if there is no params.yaml, as in a user's own program.

    No stage declares it.
    """
    tree = section_of(read_yaml(path)) if Path(path).exists() else {}
    return validate(RuntimeParams, tree.get("runtime", {}), "runtime")
