"""Tensors that other programs wrote, with `torch.save`, NumPy or safetensors, read without unpickling."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from difflab.errors import UserError

MAX_NAMED = 5  # keys of one kind that a line names


def _torch(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


def _numpy(path: Path) -> Tensor:
    array = np.load(path, allow_pickle=False)
    return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), order="C"))  # torch knows no other byte order


READERS: dict[str, tuple[Callable[[Path], Any], str]] = {
    ".npy": (_numpy, "an array that numpy.save wrote"),
    ".safetensors": (load_file, "tensors in the format of safetensors"),
}


def read_saved(path: str | Path, place: str) -> Any:
    """What is in a file of `torch.save`, or by its suffix in one of numpy.save or safetensors, tensors on the CPU.

    Nothing is unpickled but tensors and plain containers. Raises UserError, one line that begins with `place`.
    """
    path = Path(path)
    read, kind = READERS.get(path.suffix, (_torch, "what torch.save wrote"))
    try:
        path.open("rb").close()
    except OSError as error:
        raise refusal(place, str(error.strerror), "a file") from None
    try:
        return read(path)
    except pickle.UnpicklingError:
        allowed = "tensors, numbers, strings, dicts, lists"
        raise refusal(place, "what only unpickling could load", allowed) from None
    except Exception as error:  # a damaged file can raise anything
        raise refusal(place, f"a damaged file ({type(error).__name__})", kind) from None


def only_tensor(value: Any) -> Any:
    """The tensor that `value` is or, as a dict, list or tuple of one entry, holds, without its history of gradients.

    Anything else as it is.
    """
    for _ in range(2):
        if isinstance(value, (dict, list, tuple)) and len(value) == 1:
            [value] = value.values() if isinstance(value, dict) else value
    return value.detach() if isinstance(value, Tensor) else value


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


def listed(names: Sequence[str]) -> str:
    """The first of `names`, and how many more there are."""
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
