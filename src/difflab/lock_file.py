"""dvc.lock: what each stage has last made, from what, and how. Reading it takes a tenth of what starting DVC takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

LOCK = Path("dvc.lock")
IMPORT = Path("data.dvc")  # an import is a stage too, in a file of its own


class _Loader(yaml.CSafeLoader):
    """Numbers as in YAML 1.2, which DVC writes: 1e-05 is one."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


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


def parse_lock(lock: str, imported: str) -> Lock:
    """The texts of dvc.lock and data.dvc, as stages by name."""
    stages = (yaml.load(lock, _Loader) or {}).get("stages", {})
    stages[IMPORT.name] = {"cmd": f"dvc update {IMPORT}"} | (yaml.load(imported, _Loader) or {})
    return {name: _stage(name, entry) for name, entry in stages.items()}


def _stage(name: str, entry: dict[str, Any]) -> LockedStage:
    params = {key: value for keys in entry.get("params", {}).values() for key, value in keys.items()}
    deps, outs = ({out["path"].rstrip("/"): out["md5"] for out in entry.get(kind, [])} for kind in ("deps", "outs"))
    return LockedStage(name, entry["cmd"], params, deps, outs)


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
