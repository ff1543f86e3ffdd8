"""Files that `torch.save` wrote in other programs, read without unpickling."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from difflab.errors import UserError


def read_saved(path: str | Path, place: str) -> Any:
    """What `torch.save` wrote to `path`, tensors on the CPU; nothing is unpickled but tensors and plain containers.

    Raises UserError, one line that begins with `place`.
    """
    path = Path(path)
    try:
        file = path.open("rb")
    except OSError as error:
        raise refusal(place, str(error.strerror), "a file") from None
    try:
        with file:
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        allowed = "tensors, numbers, strings, dicts, lists"
        raise refusal(place, "what only unpickling could load", allowed) from None
    except Exception as error:  # a damaged file can raise anything
        raise refusal(place, f"a damaged file ({type(error).__name__})", "what torch.save wrote") from None


def unfit(value: Any) -> str:
    """What keeps a value from being a tensor of finite floating-point numbers; empty when nothing does."""
    if not isinstance(value, Tensor):
        return f"a {type(value).__name__}"
    if not value.is_floating_point():
        return str(value.dtype).removeprefix("torch.")
    if value.layout is not torch.strided or value.is_meta:
        return f"{str(value.layout).removeprefix('torch.')} on {value.device}"
    return "" if value.float().isfinite().all() else "not finite"


def refusal(place: str, found: str, allowed: str) -> UserError:
    return UserError(f"{place}: found {found}, allowed: {allowed}")
