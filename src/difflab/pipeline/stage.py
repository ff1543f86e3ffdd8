"""Stages: the signature of a stage's main function declares its arguments and its sections of params.yaml.

    def main(recipe: Recipe, data: Annotated[RecipeData, Section("recipes.{recipe}.data")]) -> None: ...

A parameter with a `Section` is read from params.yaml; any other is a command-line argument. dvc.yaml
declares the same sections, and tests/pipeline/test_declared.py compares the two.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from difflab.config.load import load_runtime, read_section, validate
from difflab.config.training import ComputeParams
from difflab.errors import call
from difflab.pipeline.processes import own_folder, start_processes
from difflab.pipeline.run_records import note_params, recorded


@dataclass(frozen=True)
class Section:
    """The dotted key of a section; `{name}` is the value of an earlier parameter, `{name.field}` one of its fields."""

    key: str


Main = Callable[..., None]
# Command-line arguments, with the text for `--help`.
Recipe = Annotated[str, "an entry of params.yaml: recipes"]
Scenario = Annotated[str, "an entry of params.yaml: adaptation.scenarios"]
Concept = Annotated[str, "an entry of params.yaml: personalization.concepts"]
Compute = Annotated[ComputeParams, Section("compute")]


def run_stage(*mains: Main, shared: bool = False) -> None:
    """Run the stage given on the command line, with a record and a lock; a UserError is printed as one line.

    `shared`: start one process for each of the `runtime.gpus` of params.yaml.

    A script of several stages has a main function for each, named after the stage; the first argument selects it.
    """

    def start() -> None:
        main, arguments = parse(mains, sys.argv[1:])
        if shared:
            start_processes(load_runtime().gpus)
        with own_folder():
            recorded(lambda: main(**read(main, arguments)))

    call(start)


def parse(mains: Sequence[Main], words: Sequence[str]) -> tuple[Main, dict[str, Any]]:
    """The main function that a command line selects, and its arguments. Raises SystemExit, as argparse does."""
    parser = argparse.ArgumentParser(description=mains[0].__globals__["__doc__"])  # type: ignore[attr-defined]
    if len(mains) == 1:
        _add_arguments(parser, mains[0])
    else:
        stages = parser.add_subparsers(metavar="stage", required=True)
        for main in mains:
            _add_arguments(stages.add_parser(main.__name__, help=main.__doc__, description=main.__doc__), main)
    arguments = vars(parser.parse_args(words))
    return arguments.pop("main"), arguments


def read(main: Main, arguments: dict[str, Any]) -> dict[str, Any]:
    """The values of all parameters of `main`: arguments and sections. Raises ParamsError, one line."""
    values = dict(arguments)
    for name, kind in _parameters(main).items():
        if section := _section(kind):
            key = section.key.format(**values)
            value = read_section(key)
            note_params(key, value)
            values[name] = validate(kind, value, key)
    return values


def keys_read(main: Main, values: dict[str, Any]) -> list[str]:
    """The keys of the sections that `main` reads if its parameters have these values."""
    return [section.key.format(**values) for kind in _parameters(main).values() if (section := _section(kind))]


def _parameters(main: Main) -> dict[str, Any]:
    hints = get_type_hints(main, include_extras=True)
    return {name: kind for name, kind in hints.items() if name != "return"}


def _section(kind: Any) -> Section | None:
    return next((mark for mark in get_args(kind) if isinstance(mark, Section)), None)


def _add_arguments(parser: argparse.ArgumentParser, main: Main) -> None:
    parser.set_defaults(main=main)
    for name, kind in _parameters(main).items():
        if _section(kind):
            continue
        kind, text = get_args(kind)[:2] if get_origin(kind) is Annotated else (kind, None)
        choices = get_args(kind) or None  # of a Literal
        parser.add_argument(name, type=str if choices else kind, choices=choices, help=text)
