"""`difflab push`: uploads every object of dvc.lock to a DVC remote and checks that it is complete.

`dvc push` relies on an index in DVC's site cache, and assumes that a folder's files exist if its list does. After a
killed push both may be wrong, and it still reports success. Here, the remote is asked for all objects and their sizes.
"""

# DVC is untyped.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from difflab.errors import UserError

Sizes = dict[str, int]  # in bytes, by MD5; the key of a folder's list ends with ".dir"


def push(remote: str | None) -> str:
    """Upload the objects that the remote lacks; returns a line with the number of objects.

    Raises UserError if the remote cannot be read, or still lacks an object afterwards.
    """
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.transfer import transfer

    from difflab.pipeline.dvc_repo import open_repo

    with open_repo(_wait_for_lock=True) as repo, repo.lock:
        here, there = repo.cache.local, repo.cloud.get_remote_odb(remote, "push")
        name = remote or repo.config["core"]["remote"]
        needed = objects(repo)
        sizes = _sizes_here(here, needed)
        found = _sizes_there(there, name)
        wrong = {md5 for md5, size in sizes.items() if found.get(md5, size) != size}
        for md5 in wrong:
            there.delete(md5)
        new = [HashInfo("md5", md5) for md5 in sorted(wrong | sizes.keys() - found.keys())]
        for folders in (False, True):  # folder lists last: to DVC, they mean that the files exist
            transfer(here, there, [info for info in new if info.isdir is folders])
        found = _sizes_there(there, name) if new else found
        repo.drop_data_index()  # or the next `dvc push` would rely on it
    missing = [md5 for md5 in needed if md5 not in found or found[md5] != sizes.get(md5, found[md5])]
    counted = f"{name}: {len(needed) - len(missing):,} of {len(needed):,} objects of dvc.lock"
    if missing:
        first = min(missing, key=lambda md5: md5 not in sizes)
        why = "the same command tries again" if first in sizes else "not in DVC's cache either; `dvc repro` makes it"
        raise UserError(f"push: {counted}; missing: one of {needed[first]}, {why}")
    return f"{counted}; {len(new):,} uploaded"


def objects(repo: Any) -> dict[str, str]:
    """All objects of the outs that DVC keeps in its cache, by MD5, with the path of the out.

    Raises UserError if the list of a folder's files is not in the cache.
    """
    found: dict[str, str] = {}
    for out in repo.index.outs:
        if out.use_cache and out.hash_info:
            infos = [out.hash_info]
            if out.hash_info.isdir:
                if (tree := out.get_obj()) is None:
                    raise UserError(f"push: {out.def_path}: its files are not in DVC's cache; `dvc repro` makes them")
                infos += [info for _, _, info in tree]
            found |= {info.value: out.def_path for info in infos}
    return found


def _sizes_here(cache: Any, needed: Iterable[str]) -> Sizes:
    files = {md5: Path(cache.oid_to_path(md5)) for md5 in needed}
    return {md5: file.stat().st_size for md5, file in files.items() if file.is_file()}


def _sizes_there(remote: Any, name: str) -> Sizes:
    """Sizes of the objects on the remote. Raises UserError, one line, for errors of a server or its client."""
    try:
        listed = remote.fs.fs.find(remote.path, detail=True)
    except FileNotFoundError:
        return {}
    except Exception as error:  # each kind of server has its own errors
        raise UserError(f"push: {name}: {' '.join(str(error).split())}") from None
    if remote.fs.protocol == "local":
        listed = {path: {"size": Path(path).stat().st_size} for path in listed}
    return {"".join(Path(path).parts[-2:]): about["size"] for path, about in listed.items()}
