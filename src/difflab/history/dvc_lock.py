"""Reads dvc.lock: command, parameters, inputs and outputs of each stage. Starting DVC takes ten times as long."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from difflab.config.validation import explain
from difflab.errors import UserError, reading
from difflab.setup.inputs import CHECKED

LOCK = Path("dvc.lock")
IMPORT = Path("data.dvc")  # DVC writes an import as a stage in its own file


class _Loader(yaml.CSafeLoader):
    """Parses numbers as in YAML 1.2, which DVC writes, such as 1e-05."""


_Loader.add_implicit_resolver(  # pyright: ignore[reportUnknownMemberType]
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


class DamagedLock(UserError):
    """A dvc.lock or data.dvc that has a merge conflict, is truncated or was edited by hand."""


class _Dep(BaseModel):
    path: str
    md5: str = ""  # an import may have another kind of hash


class _Out(BaseModel):
    path: str
    md5: str


class _Entry(BaseModel):
    cmd: str
    params: dict[str, dict[str, Any]] = {}
    deps: list[_Dep] = []
    outs: list[_Out] = []


class _Import(_Entry):
    cmd: str = f"dvc update {IMPORT}"


class _File(BaseModel):
    stages: dict[str, _Entry]


T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class LockedStage:
    """One stage of dvc.lock. `deps` and `outs`: MD5 by path, without "/" at the end of a folder's path."""

    name: str
    command: str
    params: dict[str, Any]  # by the dotted keys of dvc.yaml
    deps: dict[str, str]
    outs: dict[str, str]

    @property
    def metrics(self) -> list[str]:
        """The metrics files among its outs; CSV tables are not included."""
        return [out for out in self.outs if out.startswith("metrics/") and out.endswith(".json")]


Lock = dict[str, LockedStage]


def parse_lock(lock: bytes, imported: bytes, where: str = "") -> Lock:
    """The stages by name, from the contents of dvc.lock and data.dvc. `where` names the revision in error messages.

    Raises DamagedLock with one line that names the file.
    """
    stages = _checked(_File, lock, LOCK, where).stages
    if imported:
        stages[IMPORT.name] = _checked(_Import, imported, IMPORT, where)
    return {name: _stage(name, entry) for name, entry in stages.items()}


def _checked(kind: type[T], content: bytes, file: Path, where: str) -> T:
    place = f"{file} of {where}" if where else str(file)
    mend = "" if where else f"; `git checkout HEAD {file}` restores the committed one"
    if conflict := re.search(rb"^<<<<<<< ", content, re.MULTILINE):
        line = content[: conflict.start()].count(b"\n") + 1
        raise DamagedLock(f"{place}: found a merge conflict in line {line}, allowed: one of the two versions{mend}")
    try:
        with reading(place, kind=DamagedLock):
            tree = yaml.load(content.decode(), _Loader)
        return kind.model_validate(tree)
    except DamagedLock as error:
        raise DamagedLock(f"{error}{mend}") from None
    except ValidationError as error:
        raise DamagedLock(
            f"{place}: {explain(error, tree, '')}{mend}"  # pyright: ignore[reportPossiblyUnboundVariable]
        ) from None


def _stage(name: str, entry: _Entry) -> LockedStage:
    params = {key: value for keys in entry.params.values() for key, value in keys.items()}
    deps, outs = ({item.path.rstrip("/"): item.md5 for item in items} for items in (entry.deps, entry.outs))
    return LockedStage(name, entry.cmd, params, deps, outs)


def md5_of(content: bytes) -> str:
    """The hash that dvc.lock has for a file with this content."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def maker(lock: Lock, path: str) -> tuple[LockedStage, str] | None:
    """The stage that produces the file or folder `path`, and the out that is or contains `path`."""
    for stage in lock.values():
        for out in stage.outs:
            if f"{path}/".startswith(f"{out}/"):
                return stage, out
    return None


def makers(lock: Lock, path: str) -> list[LockedStage]:
    """All stages with an out that is, contains or is inside `path`: a dependency may be a folder of several outs."""
    return [s for s in lock.values() if any(_overlap(out, path) for out in s.outs)]


def upstream(lock: Lock, path: str) -> list[LockedStage]:
    """All stages that the file or folder `path` depends on, nearest first.

    Except those behind inputs/params.checked, which never changes although its stage reads all of params.yaml.
    """
    found = {stage.name: stage for stage in makers(lock, path)}
    for stage in (front := list(found.values())):
        for dep in stage.deps:
            new = [made for made in makers(lock, dep) if made.name not in found] if dep != str(CHECKED) else []
            found |= {made.name: made for made in new}
            front += new  # grows the list in the loop
    return front


def _overlap(a: str, b: str) -> bool:
    return f"{a}/".startswith(f"{b}/") or f"{b}/".startswith(f"{a}/")
