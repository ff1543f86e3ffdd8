"""The repository at one git revision or in the working folder: its files, its dvc.lock, and DVC's cache."""

from __future__ import annotations

import json
import subprocess
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from difflab.errors import UserError, reading
from difflab.history.dvc_lock import IMPORT, LOCK, Lock, maker, parse_lock


def git(*arguments: str, cwd: Path | None = None) -> bytes:
    """The output of git. Raises UserError with git's message if it fails."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, cwd=cwd)
    except FileNotFoundError:
        raise UserError("git: not found; it is needed to read the history") from None
    if done.returncode:
        raise UserError(f"git {arguments[0]}: {' '.join(done.stderr.decode(errors='replace').split())}")
    return done.stdout


def resolve(name: str) -> str:
    """The full hash of a commit, by any name that git accepts, or of a DVC experiment, by its name."""
    for candidate in (name, *git("for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{name}").decode().split()):
        if commit := _output("rev-parse", "--verify", "--quiet", f"{candidate}^{{commit}}"):
            return commit.decode().strip()
    raise UserError(f"revision: found {name!r}, allowed: a commit, branch, tag or DVC experiment of this repository")


def committed(commit: str, path: Path | str) -> bytes | None:
    """The content of a file in a commit; None if git does not have it."""
    return _output("cat-file", "blob", f"{commit}:./{path}")


def _output(*arguments: str) -> bytes | None:
    done = subprocess.run(["git", *arguments], capture_output=True)
    return done.stdout if done.returncode == 0 else None


class Revision:
    """A commit, by any name that `resolve` accepts; None is the working folder."""

    def __init__(self, name: str | None):
        self.name = name
        self.commit = resolve(name) if name else None

    def __str__(self) -> str:
        return self.name or "the working folder"

    def read(self, path: Path | str) -> bytes | None:
        """The content of a file in git or among the outs; None if neither git nor DVC's cache has it."""
        tracked = self._tracked(Path(path))
        return self._cached(str(path)) if tracked is None and self.commit else tracked

    def require(self, path: Path | str) -> bytes:
        """As `read`, but raises UserError if the file is missing."""
        content = self.read(path)
        if content is None:
            raise UserError(f"{path}: not found in {self}, neither in git nor in DVC's cache; `dvc pull` may fetch it")
        return content

    @cached_property
    def lock(self) -> Lock:
        """The stages of dvc.lock. Raises UserError if there is none yet, and DamagedLock if it cannot be read."""
        lock = self._tracked(LOCK)
        if lock is None:
            raise UserError(f"{LOCK}: not found in {self}; `dvc repro` writes it")
        return parse_lock(lock, self._tracked(IMPORT) or b"", self.name or "")

    def _tracked(self, path: Path) -> bytes | None:
        if not self.commit:
            with reading(path):
                return path.read_bytes() if path.exists() else None
        return committed(self.commit, path)

    def _cached(self, path: str) -> bytes | None:
        made = maker(self.lock, path)
        if made is None:
            return None
        stage, out = made
        md5 = stage.outs[out]
        if out != path:
            md5 = listed(md5).get(path.removeprefix(f"{out}/"), "")
        return cached(md5)


@cache
def _cache_folder(repository: Path) -> Path:
    """DVC's cache: `cache.dir` of its configuration, by default .dvc/cache. Starting DVC itself takes longer."""
    from dvc.config import Config  # pyright: ignore[reportMissingTypeStubs]

    config: Any = Config(str(repository / ".dvc"))
    return Path(config["cache"].get("dir") or repository / ".dvc/cache", "files/md5")


def listed(md5: str) -> dict[str, str]:
    """The MD5 of each file in a folder of dvc.lock, by its path there; {} if DVC's cache lacks the folder."""
    listing = cached(md5)
    with reading(f"DVC's cache: {md5}"):
        return {entry["relpath"]: entry["md5"] for entry in json.loads(listing)} if listing else {}


def cached(md5: str) -> bytes | None:
    """The content with an MD5 of dvc.lock, from DVC's cache; None if it is missing."""
    file = _cache_folder(Path.cwd()) / md5[:2] / md5[2:]
    return file.read_bytes() if md5 and file.is_file() else None
