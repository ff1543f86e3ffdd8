"""What a parameter names that can be a file, a folder, or a model of the Hugging Face hub."""

from __future__ import annotations

import json
import re
from pathlib import Path

from difflab.errors import UserError

# Of files of weights; no model of the hub is called so.
WEIGHTS = {".pt", ".pth", ".bin", ".ckpt", ".safetensors"}
HUB_ID = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([\w./-]+))?")  # ORGANIZATION/NAME@REVISION


def is_weights_file(name: str) -> bool:
    """Whether `name` is that of a file of weights, there or not."""
    return Path(name).suffix in WEIGHTS or Path(name).is_file()


def is_hub_id(name: str) -> bool:
    """Whether `name` can be that of a model of the hub, and is no file of weights or folder of the pipeline's own."""
    return HUB_ID.fullmatch(name) is not None and not is_weights_file(name) and not name.startswith("models/")


def split_revision(place: str | Path) -> tuple[str, str]:
    """The arguments `pretrained_model_name_or_path` and `revision` of `from_pretrained`.

    ORGANIZATION/NAME@REVISION names a branch, tag or commit, by default the branch main. A folder has no revision.
    """
    if Path(place).exists() or not (found := HUB_ID.fullmatch(str(place))):
        return str(place), "main"
    return found[1], found[2] or "main"


def require_reachable(place: str | Path, key: str, index: str) -> None:
    """Download the file `index`, which every model of its kind has, of a model of the hub that is not in its cache.

    Raises UserError, one line that begins with `key`, where that fails; it says how to bring the model from a machine
    with a network. A folder, or what is no hub id, is left to the library that loads it.
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
    """Write into the model folder which commit of the hub's model `name` was loaded: `source.json`; nothing for others.

    `index`: a file that every model of its kind has.
    """
    if Path(name).exists() or not is_hub_id(name):
        return
    from huggingface_hub import try_to_load_from_cache

    model, revision = split_revision(name)
    cached = try_to_load_from_cache(model, index, revision=revision)
    assert isinstance(cached, str), "loaded before"
    source = {"model": model, "revision": revision, "commit": Path(cached).parent.name}
    (folder / "source.json").write_text(json.dumps(source, indent=2) + "\n", encoding="utf-8")
