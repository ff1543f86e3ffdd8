"""State dicts of other code: read from its files without unpickling, and checked key by key."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from difflab.stage import UserError

MAX_NAMED = 5  # keys of one kind that a line names


def read_dict(path: Path, place: str) -> dict[Any, Any]:
    """The dict that `torch.save` wrote to `path`, its tensors on the CPU.

    Nothing is unpickled but tensors and plain containers. Raises UserError, one line that begins with `place`.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise refusal(place, str(error.strerror), "a file") from None
    try:
        with file:
            saved = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        allowed = "tensors, numbers, strings, dicts, lists"
        raise refusal(place, "what only unpickling could load", allowed) from None
    except Exception as error:  # a damaged file can raise anything
        raise refusal(place, f"a damaged file ({type(error).__name__})", "what torch.save wrote") from None
    if not isinstance(saved, dict):
        raise refusal(place, f"a {type(saved).__name__}", "a dict")
    return saved


def check_state_dict(state: Mapping[Any, Any], shapes: Mapping[str, tuple[int, ...]], place: str) -> None:
    """Require exactly the keys of `shapes`, each a tensor of its shape whose numbers are finite as float32.

    Raises UserError, one line that begins with `place` and names the first keys of each kind of mistake.
    """
    missing, misshapen, unfit = [], [], []
    for key, shape in shapes.items():
        if key not in state:
            missing.append(key)
        elif isinstance(state[key], Tensor) and state[key].shape != shape:
            misshapen.append(f"{key} {tuple(state[key].shape)} for {shape}")
        elif problem := _problem(state[key]):
            unfit.append(f"{key} ({problem})")
    unknown = [repr(key) for key in state if key not in shapes]  # a file can have any key, also one with a line break
    mistakes = {
        "missing": missing,
        "unknown": unknown,
        "of another shape": misshapen,
        "not finite floating-point numbers": unfit,
    }
    found = "; ".join(f"{kind}: {_listed(keys)}" for kind, keys in mistakes.items() if keys)
    if found:
        raise refusal(place, found, f"the tensors {_listed(list(shapes))}")


def refusal(place: str, found: str, allowed: str) -> UserError:
    return UserError(f"{place}: found {found}, allowed: {allowed}")


def _problem(value: Any) -> str:
    """What keeps a value from being a tensor of finite floating-point numbers; empty when nothing does."""
    if not isinstance(value, Tensor):
        return f"a {type(value).__name__}"
    if not value.is_floating_point():
        return str(value.dtype).removeprefix("torch.")
    if value.layout is not torch.strided or value.is_meta:
        return f"{str(value.layout).removeprefix('torch.')} on {value.device}"
    return "" if value.float().isfinite().all() else "not finite"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
