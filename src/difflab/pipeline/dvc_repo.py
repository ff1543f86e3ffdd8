"""DVC with less YAML parsing and the same results.

DVC parses params.yaml once for each stage, searches all of it for each value, and parses all of dvc.lock to read or
write the entry of one stage. Here, a process parses params.yaml once, and only the entry of its stage in dvc.lock.
dvc.lock, DVC's list of the files in use (see rwlock.py) and the files of its cache are replaced atomically, so that a
killed process, or another clone with the same cache, leaves either the old or the new version.
"""

# DVC is untyped.
# pyright: reportMissingTypeStubs=false
from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property, lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dvc
import dvc.dependency.param
import dvc.dvcfile
import dvc.rwlock
import dvc.utils.serialize
from dvc.dependency.param import ParamsDependency, read_param_file
from dvc.dvcfile import Lockfile
from dvc.fs import LocalFileSystem
from dvc.lock import Lock, LockError
from dvc.repo import Repo
from dvc.utils.serialize import dumps_yaml, load_path, loads_yaml, modify_yaml
from dvc.utils.strictyaml import YAMLValidationError
from dvc_objects.fs import system
from dvc_objects.fs.local import FsspecLocalFileSystem
from dvc_objects.fs.utils import tmp_fname
from ruamel.yaml import YAMLError

from difflab.errors import UserError
from difflab.pipeline.files import atomic_write
from difflab.pipeline.lock_text import HEAD, LOCK_FILE, NAME, entries_of, keep_lock
from difflab.pipeline.locks import POLL
from difflab.pipeline.rwlock import edit_rwlock

REPLACED = [
    (dvc.utils.serialize, "load_path"),
    (dvc.dependency.param, "load_path"),
    (dvc.dependency.param, "read_param_file"),
    (dvc.dvcfile, "modify_yaml"),
    (dvc.dvcfile.Lockfile, "load"),
    (Lock, "lock"),
    (dvc.rwlock, "_edit_rwlock"),
    (dvc.rwlock, "psutil"),
    (FsspecLocalFileSystem, "reflink"),
]
_load_params = lru_cache(load_path)
_load_lock = Lockfile.load
_take_lock = Lock.lock


def open_repo(**options: Any) -> Repo:
    """The repository of the working folder; params.yaml is read once. Raises UserError if this DVC lacks an API."""
    for owner, name in REPLACED:
        if not hasattr(owner, name):
            raise UserError(f"dvc: found {dvc.__version__} without {owner.__name__}.{name}, allowed: such as 3.67")
    forget_params()
    dvc.dependency.param.load_path = _load_params
    dvc.utils.serialize.load_path = load_values  # for the parameters in dvc.yaml
    dvc.dependency.param.read_param_file = read_values
    dvc.dvcfile.modify_yaml = modify_lock
    Lockfile.load = load_lock  # pyright: ignore[reportAttributeAccessIssue]
    Lock.lock = take_lock  # pyright: ignore[reportAttributeAccessIssue]
    dvc.rwlock._edit_rwlock = edit_rwlock
    dvc.rwlock.psutil = SimpleNamespace(pid_exists=lambda pid: True)  # pyright: ignore[reportAttributeAccessIssue]
    FsspecLocalFileSystem.reflink = reflink  # pyright: ignore[reportAttributeAccessIssue]
    return Repo(**options)


def forget_params() -> None:
    """Clear the cached params.yaml, so that the next use reads it again."""
    _load_params.cache_clear()


def load_values(path: str, fs: Any, **options: Any) -> Any:
    """DVC's `load_path`: the contents of a file."""
    if Path(path).name == ParamsDependency.DEFAULT_PARAMS_FILE and isinstance(fs, LocalFileSystem):
        return _load_params(str(Path(path).absolute()), fs)
    return load_path(path, fs, **options)


def take_lock(lock: Lock) -> None:
    """DVC's `Lock.lock`. Waiting jobs poll more often than DVC's twice a second: a commit takes only half a second."""
    if not lock._wait:
        return _take_lock(lock)
    while True:
        try:
            return lock._do_lock()
        except LockError:
            time.sleep(POLL / 2)


def read_values(fs: Any, path: str, key_paths: list[str] | None = None, flatten: bool = False) -> Any:
    """DVC's `read_param_file`: the values of dotted keys, or all of them. Patterns and missing keys are left to DVC."""
    values: dict[str, Any] = {}
    for key in key_paths or ():
        value = _load_params(path, fs)
        for name in key.split("."):
            if not isinstance(value, dict) or name not in value:
                return read_param_file(fs, path, key_paths, flatten)
            value = value[name]
        values[key] = value
    return values if flatten and key_paths else read_param_file(fs, path, key_paths, flatten)


def load_lock(lockfile: Any) -> Any:
    """DVC's `Lockfile.load`: a mapping of the contents that parses an entry when it is read."""
    entries = _entries(Path(lockfile.path)) if isinstance(lockfile.repo.fs, LocalFileSystem) else None
    if entries is None:
        return _load_lock(lockfile)
    lockfile._check_gitignored()
    return {"schema": "2.0", "stages": LockEntries(lockfile, entries)}


class LockEntries(Mapping[str, Any]):
    """The entries of a dvc.lock by stage. The first entry read is parsed alone, a second one parses the whole file.

    A job reads one entry. A damaged entry raises DVC's error for the whole file.
    """

    def __init__(self, lockfile: Any, texts: dict[str, str]):
        self.lockfile = lockfile
        self.texts = texts
        self.first: str | None = None

    @cached_property
    def whole(self) -> dict[str, Any]:
        return _load_lock(self.lockfile)["stages"]

    def __getitem__(self, name: str) -> Any:
        text = self.texts[name]
        self.first = self.first or name
        if self.first == name:
            with suppress(YAMLError, YAMLValidationError):
                contents = loads_yaml(HEAD + text)
                self.lockfile.validate(contents)
                return contents["stages"][name]
        return self.whole[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.texts)

    def __len__(self) -> int:
        return len(self.texts)


@contextmanager
def modify_lock(path: str, fs: Any = None) -> Iterator[dict[str, Any]]:
    """DVC's `modify_yaml`: yields a file's contents for editing. Unchanged entries of dvc.lock stay text."""
    entries = _entries(Path(path)) if Path(path).name == LOCK_FILE.name else None
    if entries is None:
        with modify_yaml(path, fs=fs) as contents:
            yield contents
        return
    yield {"schema": "2.0", "stages": entries}
    with atomic_write(path) as partial:
        partial.write_text(HEAD + "".join(_text(name, entry) for name, entry in entries.items()), encoding="utf-8")
    keep_lock(Path(path))


def reflink(filesystem: Any, path: str, copy: str) -> None:
    """DVC's `reflink`, but it never touches an existing file: it raises FileExistsError, which DVC expects.

    DVC tries it first for each file that enters its cache. Without reflinks in the file system, DVC's function
    empties and removes an equal file that another clone has stored there and linked into its outputs.
    """
    new = f"{copy}{tmp_fname()}"
    try:
        system.reflink(path, new)
        system.hardlink(new, copy)
    finally:
        with suppress(FileNotFoundError):
            Path(new).unlink()


def _entries(lock: Path) -> dict[str, Any] | None:
    """The text of each entry by stage; None if the file is missing or not in DVC's format."""
    text = lock.read_text(encoding="utf-8") if lock.exists() else ""
    if not text.startswith(HEAD) or not text.endswith("\n"):
        return None
    parts = [(NAME.match(part), part) for part in entries_of(text)]
    found = {name[1]: part for name, part in parts if name}
    return found if len(found) == len(parts) else None


def _text(name: str, entry: Any) -> str:
    return entry if isinstance(entry, str) else dumps_yaml({"schema": "2.0", "stages": {name: entry}})[len(HEAD) :]
