"""The outputs declared in dvc.yaml, and a check before a stage runs that they can be written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from difflab.errors import UserError

PIPELINE = Path("dvc.yaml")
KINDS = ("outs", "metrics", "plots")
OWN_FOLDER = "a folder of the checkout; for alternatives see Outputs on another disk in docs/how-to/share.md"


def declared_outputs() -> list[str]:
    """The outputs of all stages, as written in dvc.yaml: folders end with "/", templates are not filled in."""
    return [out for stage in _stages() for out in _outs(stage)]


def outputs_of(command: str) -> list[str]:
    """The outputs of the stage that this command runs, templates filled in; none if it is not a stage's command.

    The values of the templates are words of the command: for `python stages/train.py ${key}`, `key` is the last word.
    """
    for stage in _stages():
        values = _values(str(stage["cmd"]).split(), command.split())
        if values is not None:
            return [re.sub(r"\$\{.*?\}", lambda found, values=values: values[found[0]], out) for out in _outs(stage)]
    return []


def _stages() -> list[dict[str, Any]]:
    import yaml

    if not PIPELINE.exists():
        return []
    stages = yaml.load(PIPELINE.read_bytes(), yaml.CSafeLoader).get("stages", {}).values()
    return [stage.get("do", stage) for stage in stages]


def _outs(stage: dict[str, Any]) -> list[str]:
    outs = [out for kind in KINDS for out in stage.get(kind, [])]
    return [out if isinstance(out, str) else next(iter(out)) for out in outs]


def _values(template: list[str], words: list[str]) -> dict[str, str] | None:
    """Maps each template, such as `${item.domain}`, to its word; None if the other words differ."""
    if len(template) != len(words):
        return None
    pairs = dict(zip(template, words, strict=True))
    return pairs if all(word == pairs[word] or word.startswith("${") for word in template) else None


def check_outputs(outs: Iterable[str]) -> None:
    """Raises UserError, one line, if an output could not be written, or DVC could not store it."""
    for out in outs:
        path = Path(out)
        for folder in [*path.parents, *([path] if out.endswith("/") else [])]:
            _check_folder(folder)
        if out.endswith("/") and path.is_mount():
            raise UserError(f"{path}: found the root of another disk, allowed: {OWN_FOLDER}")
        if not out.endswith("/") and path.is_dir():
            raise UserError(f"{path}: found a folder, allowed: a file")
        existing = next(parent for parent in path.parents if parent.exists())
        if not os.access(existing, os.W_OK):
            raise UserError(f"{existing}: found a folder that cannot be written, allowed: one that can, for {out}")


def _check_folder(path: Path) -> None:
    if path.is_symlink():
        raise UserError(f"{path}: found a link to {path.readlink()}, allowed: {OWN_FOLDER}")
    if path.exists() and not path.is_dir():
        raise UserError(f"{path}: found a file, allowed: a folder")
