"""Changes that explain why results differ between two states of the pipeline, each with its stage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import JsonValue

from difflab.history.dvc_lock import Lock, LockedStage, makers
from difflab.history.revisions import cached
from difflab.pipeline.fingerprint import FOLDER, parse

ABSENT = "absent"


@dataclass(frozen=True)
class Change:
    """`kind` bytes: other outputs from the same inputs, for example because another CPU rounds differently."""

    stage: str
    kind: Literal["stage", "command", "parameter", "code", "file", "bytes"]
    text: str

    def __str__(self) -> str:
        return f"{self.stage}: {self.text}"


def causes(stage: str, old: Lock, new: Lock) -> list[Change]:
    """The changes in `stage` of `new` and in all stages upstream of it, in the order of the pipeline."""
    found: dict[Change, None] = {}
    _collect(stage, old, new, found, {})
    return list(found)


def _collect(name: str, old: Lock, new: Lock, found: dict[Change, None], seen: dict[str, bool]) -> bool:
    """Add the changes in `name` and upstream of it to `found`; returns whether there are any."""
    if name in seen:
        return seen[name]
    if name not in old or name not in new:
        found[Change(name, "stage", "new" if name not in old else "no longer there")] = None
        seen[name] = True
        return True
    before, after = old[name], new[name]
    own: list[Change] = []
    inherited = False
    for path in _differing(before.deps, after.deps):
        upstream = [stage.name for stage in makers(new, path)]
        if Path(path).parent == FOLDER:
            texts = (cached(stage.deps.get(path, "")) for stage in (before, after))
            own.append(Change(name, "code", code_change(*texts)))
        elif upstream:
            inherited |= any([_collect(stage, old, new, found, seen) for stage in upstream])
        else:
            own.append(Change(name, "file", _file_change(path, before, after)))
    if before.command != after.command:
        own.append(Change(name, "command", f"{before.command} → {after.command}"))
    own += [Change(name, "parameter", text) for text in differing_values(before.params, after.params)]
    outs = _differing(before.outs, after.outs)
    if outs and not own and not inherited:
        own.append(Change(name, "bytes", f"{', '.join(outs)}: other bytes from the same code, parameters and inputs"))
    found |= dict.fromkeys(own)
    seen[name] = bool(own) or inherited
    return seen[name]


def code_change(before: bytes | None, after: bytes | None) -> str:
    """The modules that differ between two fingerprint files, if both are known."""
    old, new = (parse((text or b"").decode()) for text in (before, after))
    edited = [path for path in sorted(old | new) if old.get(path) != new.get(path)]
    return f"code edited: {', '.join(edited)}" if old and new else "code edited"


def _differing(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [path for path in before | after if before.get(path) != after.get(path)]


def _file_change(path: str, before: LockedStage, after: LockedStage) -> str:
    if path not in before.deps:
        return f"{path} is a new input"
    return f"{path} {'edited' if path in after.deps else 'is no longer an input'}"


def differing_values(before: JsonValue, after: JsonValue, key: str = "") -> Iterator[str]:
    """`key: old → new` for each value that differs in nested dicts, `key: new` for a dict; a list is one value."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in before | after:
            pair = before.get(name, ABSENT), after.get(name, ABSENT)
            yield from differing_values(*pair, f"{key}.{name}".strip("."))
    elif before == ABSENT and isinstance(after, dict):
        yield f"{key}: new"
    elif after == ABSENT and isinstance(before, dict):
        yield f"{key}: removed"
    elif before != after:
        yield f"{key}: {text_of(before)} → {text_of(after)}"


def flat(values: dict[str, JsonValue], key: str = "") -> dict[str, Any]:
    """The values of nested dicts by dotted name; a list is one value."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        inside = f"{key}.{name}".strip(".")
        found |= flat(value, inside) if isinstance(value, dict) and value else {inside: value}
    return found


def text_of(value: Any) -> str:
    """A value as written in params.yaml."""
    return ABSENT if value == ABSENT else json.dumps(value, ensure_ascii=False)
