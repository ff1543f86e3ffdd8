"""dvc.lock: what each stage has last made, from what, and how. Reading it takes a tenth of what starting DVC takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from difflab.errors import UserError, reading
from difflab.validation import explain

LOCK = Path("dvc.lock")
IMPORT = Path("data.dvc")  # an import is a stage too, in a file of its own


class _Loader(yaml.CSafeLoader):
    """Numbers as in YAML 1.2, which DVC writes: 1e-05 is one."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


class DamagedLock(UserError):
    """A dvc.lock or data.dvc that is not as DVC writes it: a merge conflict, a part of the file."""


class _Dep(BaseModel):
    path: str
    md5: str = ""  # what is imported from elsewhere may have another hash


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
    """One stage of dvc.lock. `deps` and `outs`: MD5 by path, "/" at the end of a folder's path left out."""

    name: str
    command: str
    params: dict[str, Any]  # by the dotted keys of dvc.yaml
    deps: dict[str, str]
    outs: dict[str, str]

    @property
    def metrics(self) -> list[str]:
        """Its files of metrics; a table beside them is none."""
        return [out for out in self.outs if out.startswith("metrics/") and out.endswith(".json")]


Lock = dict[str, LockedStage]


def parse_lock(lock: bytes, imported: bytes, where: str = "") -> Lock:
    """The contents of dvc.lock and data.dvc, as stages by name; `where` they are from is part of error messages.

    Raises DamagedLock, one line that names the file, where one is not as DVC writes it.
    """
    stages = _checked(_File, lock, LOCK, where).stages
    if imported:
        stages[IMPORT.name] = _checked(_Import, imported, IMPORT, where)
    return {name: _stage(name, entry) for name, entry in stages.items()}


def _checked(kind: type[T], content: bytes, file: Path, where: str) -> T:
    place = f"{file} of {where}" if where else str(file)
    mend = "" if where else f"; `git checkout HEAD {file}` brings the committed one"
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
        raise DamagedLock(f"{place}: {explain(error, kind, '')}{mend}") from None


def _stage(name: str, entry: _Entry) -> LockedStage:
    params = {key: value for keys in entry.params.values() for key, value in keys.items()}
    deps, outs = ({item.path.rstrip("/"): item.md5 for item in items} for items in (entry.deps, entry.outs))
    return LockedStage(name, entry.cmd, params, deps, outs)


def maker(lock: Lock, path: str) -> tuple[LockedStage, str] | None:
    """The stage that makes the file or folder `path`, and the out of it that is `path` or holds it."""
    for stage in lock.values():
        for out in stage.outs:
            if f"{path}/".startswith(f"{out}/"):
                return stage, out
    return None


def makers(lock: Lock, path: str) -> list[LockedStage]:
    """All stages whose outs are `path`, hold it, or lie in it: a dependency may be a folder of several outs."""
    return [s for s in lock.values() if any(_overlap(out, path) for out in s.outs)]


def _overlap(a: str, b: str) -> bool:
    return f"{a}/".startswith(f"{b}/") or f"{b}/".startswith(f"{a}/")
