"""What a parameter names that can be a file, a folder, or a model of the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path

# Of files of weights; no model of the hub is called so.
WEIGHTS = {".pt", ".pth", ".bin", ".ckpt", ".safetensors"}
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")  # ORGANIZATION/NAME


def is_weights_file(name: str) -> bool:
    """Whether `name` is that of a file of weights, there or not."""
    return Path(name).suffix in WEIGHTS or Path(name).is_file()


def is_hub_id(name: str) -> bool:
    """Whether `name` can be that of a model of the hub, and is no file of weights."""
    return HUB_ID.fullmatch(name) is not None and not is_weights_file(name)
