"""DVC with less parsing of YAML, to the same bytes.

DVC parses params.yaml once for each stage, and to enter one stage into dvc.lock it parses and writes the whole file in
pure Python: three quarters of what DVC costs a job. Here params.yaml is parsed once in a process, and only the entry of
the stage is written. dvc.lock and DVC's list of the files in use are replaced atomically, so that a kill leaves the old
one or the new one.
"""

# DVC is untyped.
# pyright: reportMissingTypeStubs=false
from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import dvc
import dvc.dependency.param
import dvc.dvcfile
import dvc.rwlock
from dvc.lock import make_lock
from dvc.repo import Repo
from dvc.utils.serialize import dumps_yaml, load_path, modify_yaml

from difflab.errors import UserError
from difflab.pipeline.files import atomic_write
from difflab.pipeline.lock_text import HEAD, LOCK_FILE, NAME, entries_of, keep_lock

REPLACED = [(dvc.dependency.param, "load_path"), (dvc.dvcfile, "modify_yaml"), (dvc.rwlock, "_edit_rwlock")]
_load_params = lru_cache(load_path)


def open_repo(**options: Any) -> Repo:
    """The repository of the working folder, whose params.yaml is read once. Raises UserError for another DVC."""
    for module, name in REPLACED:
        if not hasattr(module, name):
            raise UserError(f"dvc: found {dvc.__version__} without {module.__name__}.{name}, allowed: such as 3.67")
    _load_params.cache_clear()
    dvc.dependency.param.load_path = _load_params
    dvc.dvcfile.modify_yaml = modify_lock
    dvc.rwlock._edit_rwlock = edit_rwlock
    return Repo(**options)


@contextmanager
def modify_lock(path: str, fs: Any = None) -> Iterator[dict[str, Any]]:
    """DVC's `modify_yaml`: the contents of a file, to change in the block. In dvc.lock an entry that stays is text."""
    entries = _entries(Path(path)) if Path(path).name == LOCK_FILE.name else None
    if entries is None:
        with modify_yaml(path, fs=fs) as contents:
            yield contents
        return
    yield {"schema": "2.0", "stages": entries}
    with atomic_write(path) as partial:
        partial.write_text(HEAD + "".join(_text(name, entry) for name, entry in entries.items()), encoding="utf-8")
    keep_lock(Path(path))


def _entries(lock: Path) -> dict[str, Any] | None:
    """The text of each entry by stage; None where the file is not as DVC writes it, or not there."""
    text = lock.read_text(encoding="utf-8") if lock.exists() else ""
    if not text.startswith(HEAD) or not text.endswith("\n"):
        return None
    parts = [(NAME.match(part), part) for part in entries_of(text)]
    found = {name[1]: part for name, part in parts if name}
    return found if len(found) == len(parts) else None


def _text(name: str, entry: Any) -> str:
    return entry if isinstance(entry, str) else dumps_yaml({"schema": "2.0", "stages": {name: entry}})[len(HEAD) :]


@contextmanager
def edit_rwlock(folder: str, fs: Any, hardlink: bool) -> Iterator[dict[str, Any]]:
    """DVC's `_edit_rwlock`: the list of the files in use, to change in the block."""
    file = Path(folder, dvc.rwlock.RWLOCK_FILE)
    with make_lock(str(Path(folder, dvc.rwlock.RWLOCK_LOCK)), tmp_dir=folder, hardlink_lock=hardlink):
        used: Any = dvc.rwlock.SCHEMA(json.loads(file.read_bytes()) if file.exists() else {})
        used = {"read": defaultdict(list, used["read"]), "write": defaultdict(dict, used["write"])}
        yield used
        with atomic_write(file) as partial:
            partial.write_text(json.dumps(used), encoding="utf-8")
