"""The repository at one git revision, or as it lies in the working folder: its files, its dvc.lock, what DVC keeps."""

from __future__ import annotations

import json
import subprocess
from functools import cache, cached_property
from pathlib import Path

from difflab.errors import UserError, reading
from difflab.history.dvc_lock import IMPORT, LOCK, Lock, maker, parse_lock


def git(*arguments: str, cwd: Path | None = None) -> bytes:
    """What git prints. Raises UserError with git's own words when it fails."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, cwd=cwd)
    except FileNotFoundError:
        raise UserError("git: not found; it holds the history that is asked for") from None
    if done.returncode:
        raise UserError(f"git {arguments[0]}: {' '.join(done.stderr.decode(errors='replace').split())}")
    return done.stdout


def resolve(name: str) -> str:
    """The full hash of a commit, by anything that git takes for one, or of a DVC experiment, by its name."""
    for candidate in (name, *git("for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{name}").decode().split()):
        done = subprocess.run(
            ["git", "rev-parse", "--verify", "--quiet", f"{candidate}^{{commit}}"], capture_output=True
        )
        if done.returncode == 0:
            return done.stdout.decode().strip()
    raise UserError(f"revision: found {name!r}, allowed: a commit, branch, tag or DVC experiment of this repository")


class Revision:
    """One commit, named as `resolve` takes it; None is the working folder."""

    def __init__(self, name: str | None):
        self.name = name
        self.commit = resolve(name) if name else None

    def __str__(self) -> str:
        return self.name or "the working folder"

    def read(self, path: Path | str) -> bytes | None:
        """A file in git or among the outs; None when it is not there, or DVC's cache does not hold it."""
        tracked = self._tracked(Path(path))
        return self._cached(str(path)) if tracked is None and self.commit else tracked

    @cached_property
    def lock(self) -> Lock:
        """Raises UserError where there is no dvc.lock yet, and DamagedLock where it is not as DVC writes it."""
        lock = self._tracked(LOCK)
        if lock is None:
            raise UserError(f"{LOCK}: not found in {self}; `dvc repro` writes it")
        return parse_lock(lock, self._tracked(IMPORT) or b"", self.name or "")

    def _tracked(self, path: Path) -> bytes | None:
        if not self.commit:
            with reading(path):
                return path.read_bytes() if path.exists() else None
        done = subprocess.run(["git", "cat-file", "blob", f"{self.commit}:./{path}"], capture_output=True)
        return done.stdout if done.returncode == 0 else None

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
    """Where DVC stores files: `cache.dir` of its configuration, by default .dvc/cache. Starting DVC takes longer."""
    from dvc.config import Config

    config = Config(str(repository / ".dvc"))
    return Path(config["cache"].get("dir") or repository / ".dvc/cache", "files/md5")


def listed(md5: str) -> dict[str, str]:
    """The MD5 of each file in a folder of dvc.lock by its path there; {} where DVC's cache does not hold the folder."""
    listing = cached(md5)
    with reading(f"DVC's cache: {md5}"):
        return {entry["relpath"]: entry["md5"] for entry in json.loads(listing)} if listing else {}


def cached(md5: str) -> bytes | None:
    """What DVC's cache holds under an MD5 of dvc.lock; None if it holds nothing."""
    file = _cache_folder(Path.cwd()) / md5[:2] / md5[2:]
    return file.read_bytes() if md5 and file.is_file() else None
