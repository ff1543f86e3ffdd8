"""Reading params.yaml: all of it, or one section."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, overload

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.error import MarkedYAMLError

from difflab.errors import UserError
from difflab.params.whole import Params
from difflab.run_records import note_params
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
    """Read YAML 1.2, as DVC does: 1e-5 is a number, and a key that stands twice is refused."""
    path = Path(path)
    try:
        return _parsed(path.read_text())
    except FileNotFoundError:
        raise ParamsError(f"{path}: not found; `difflab profile cpu` writes it") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise ParamsError(f"{path}: not YAML, line {line}: {error.problem}") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path}: not YAML: {' '.join(str(error).split())}") from None


@lru_cache(maxsize=1)  # a stage reads several sections of one file, and parsing takes its time
def _parsed(text: str) -> Any:
    return YAML(typ="safe").load(text)


def load_params(path: str | Path = Path("params.yaml")) -> Params:
    """Read and check the whole file. Raises ParamsError with one line."""
    return validate(Params, read_yaml(path))


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
