"""Parameters that name a file, a folder or a model on the Hugging Face hub."""

from __future__ import annotations

import json
import re
from pathlib import Path

from difflab.errors import UserError

# Suffixes of weight files; no model on the hub has such a name.
WEIGHTS = {".pt", ".pth", ".bin", ".ckpt", ".safetensors"}
HUB_ID = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([\w./-]+))?")  # ORGANIZATION/NAME@REVISION


def is_weights_file(name: str) -> bool:
    """Whether `name` names a weight file, which need not exist."""
    return Path(name).suffix in WEIGHTS or Path(name).is_file()


def is_hub_id(name: str) -> bool:
    """Whether `name` can be a model on the hub: not a weight file, and not in the pipeline's own folder models/."""
    return HUB_ID.fullmatch(name) is not None and not is_weights_file(name) and not name.startswith("models/")


def split_revision(place: str | Path) -> tuple[str, str]:
    """The arguments `pretrained_model_name_or_path` and `revision` of `from_pretrained`.

    REVISION in ORGANIZATION/NAME@REVISION is a branch, tag or commit, by default the branch main. It does not apply to
    folders.
    """
    if Path(place).exists() or not (found := HUB_ID.fullmatch(str(place))):
        return str(place), "main"
    return found[1], found[2] or "main"


def require_reachable(place: str | Path, key: str, index: str) -> None:
    """Download the file `index`, which every model of this kind has, of a hub model that is not in the local cache.

    Raises UserError, one line that begins with `key`, if that fails; without a network, it says how to download the
    model elsewhere. Does nothing for folders and names that are not hub ids: the library that loads them checks them.
    """
    if Path(place).exists() or not is_hub_id(str(place)):
        return
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    model, revision = split_revision(place)
    found = f"{key}: found {str(place)!r}"
    try:
        hf_hub_download(model, index, revision=revision)
    except LocalEntryNotFoundError:
        download = f"hf download {model} --revision {revision} --local-dir FOLDER"
        allowed = f"a folder, as `{download}` makes it where there is a network"
        raise UserError(f"{found}, which is not here and cannot be downloaded, allowed: {allowed}") from None
    except (EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError) as error:
        allowed = f"a model of the hub with {index}, or a folder"
        raise UserError(f"{found} ({type(error).__name__}), allowed: {allowed}") from None


def record_commit(folder: Path, name: str, index: str) -> None:
    """Write `source.json` to a model folder: the commit of the hub model `name` that was loaded.

    Does nothing if `name` is not a hub id. `index`: a file that every model of this kind has.
    """
    if Path(name).exists() or not is_hub_id(name):
        return
    from huggingface_hub import try_to_load_from_cache

    model, revision = split_revision(name)
    cached = try_to_load_from_cache(model, index, revision=revision)
    assert isinstance(cached, str), "loaded before"
    source = {"model": model, "revision": revision, "commit": Path(cached).parent.name}
    (folder / "source.json").write_text(json.dumps(source, indent=2) + "\n", encoding="utf-8")
