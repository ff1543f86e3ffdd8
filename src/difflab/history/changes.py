"""Why a stage's results differ between two states of the pipeline: the changes that are nobody's consequence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from difflab.history.dvc_lock import Lock, LockedStage, makers
from difflab.history.revisions import cached
from difflab.pipeline.fingerprint import FOLDER, parse

ABSENT = "not there"


@dataclass(frozen=True)
class Change:
    """`kind` bytes: the stage made something else of the same, as another processor's rounding does."""

    stage: str
    kind: Literal["stage", "command", "parameter", "code", "file", "bytes"]
    what: str

    def __str__(self) -> str:
        return f"{self.stage}: {self.what}"


def causes(stage: str, old: Lock, new: Lock) -> list[Change]:
    """What was changed in `stage` of `new` and in all that it is made from, upstream first."""
    found: dict[Change, None] = {}
    _collect(stage, old, new, found, {})
    return list(found)


def _collect(name: str, old: Lock, new: Lock, found: dict[Change, None], seen: dict[str, bool]) -> bool:
    """Whether anything has changed in `name` or above it."""
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
        if Path(path).parent == FOLDER:
            texts = (cached(stage.deps.get(path, "")) for stage in (before, after))
            own.append(Change(name, "code", code_change(*texts)))
            continue
        upstream = [s.name for s in makers(new, path)]
        changed = [_collect(s, old, new, found, seen) for s in upstream]
        inherited |= any(changed)
        if not upstream:
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
    """The modules that differ between two files of fingerprints, unless one is unknown."""
    old, new = (parse((text or b"").decode()) for text in (before, after))
    edited = [path for path in sorted(old | new) if old.get(path) != new.get(path)]
    return f"code edited: {', '.join(edited)}" if old and new else "code edited"


def _differing(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [path for path in before | after if before.get(path) != after.get(path)]


def _file_change(path: str, before: LockedStage, after: LockedStage) -> str:
    if path not in before.deps:
        return f"{path} is a new input"
    return f"{path} {'edited' if path in after.deps else 'is no longer an input'}"


def differing_values(before: Any, after: Any, key: str = "") -> Iterator[str]:
    """`key: old → new` for each single value that differs in nested dicts; a list is one value."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in before | after:
            pair = before.get(name, ABSENT), after.get(name, ABSENT)
            yield from differing_values(*pair, f"{key}.{name}".strip("."))
    elif before != after:
        yield f"{key}: {text_of(before)} → {text_of(after)}"


def text_of(value: Any) -> str:
    """As in params.yaml."""
    return ABSENT if value == ABSENT else json.dumps(value, ensure_ascii=False)
