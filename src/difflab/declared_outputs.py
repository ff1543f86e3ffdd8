"""The outputs that dvc.yaml declares, and what would keep them from being written: refused before the work."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from difflab.errors import UserError

PIPELINE = Path("dvc.yaml")
KINDS = ("outs", "metrics", "plots")
OWN_FOLDER = "a folder of this disk; what is to put DVC's cache on another one is in docs/running.md"


def outputs_of(command: str) -> list[str]:
    """The outputs of the stage of dvc.yaml that this command runs; folders end with "/". None where it is no stage's.

    The command's words stand for the templates in dvc.yaml's: of `python stages/train.py ${key}` the last word is key.
    """
    import yaml

    if not PIPELINE.exists():
        return []
    words = command.split()
    for stage in yaml.load(PIPELINE.read_bytes(), yaml.CSafeLoader).get("stages", {}).values():
        stage = stage.get("do", stage)
        values = _values(str(stage["cmd"]).split(), words)
        if values is not None:
            outs = [out for kind in KINDS for out in stage.get(kind, [])]
            return [_filled(out if isinstance(out, str) else next(iter(out)), values) for out in outs]
    return []


def _values(template: list[str], words: list[str]) -> dict[str, str] | None:
    """By the template, such as `${item.domain}`, the word in its place; None if the others are not equal."""
    if len(template) != len(words):
        return None
    pairs = dict(zip(template, words, strict=True))
    return pairs if all(word == pairs[word] or word.startswith("${") for word in template) else None


def _filled(path: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{.*?\}", lambda found: values[found[0]], path)


def check_outputs(outs: Iterable[str]) -> None:
    """Raises UserError, one line, where an output could not be written or entered once the work is done."""
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
