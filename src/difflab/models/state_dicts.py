"""State dicts of other programs, checked key by key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from difflab.models.safe_loading import listed, read_saved, refusal, unfit


def read_dict(path: str | Path, place: str) -> dict[Any, Any]:
    """The dict that `torch.save` wrote to `path`, as `read_saved` reads it."""
    saved = read_saved(path, place)
    if not isinstance(saved, dict):
        raise refusal(place, f"a {type(saved).__name__}", "a dict")
    return saved


def check_state_dict(state: Mapping[Any, Any], shapes: Mapping[str, tuple[int, ...]], place: str) -> None:
    """Require exactly the keys of `shapes`, each a tensor of its shape whose numbers are finite as float32.

    Raises UserError, one line that begins with `place` and names the first keys of each kind of mistake.
    """
    missing, misshapen, unusable = [], [], []
    for key, shape in shapes.items():
        if key not in state:
            missing.append(key)
        elif isinstance(state[key], Tensor) and state[key].shape != shape:
            misshapen.append(f"{key} {tuple(state[key].shape)} for {shape}")
        elif problem := unfit(state[key]):
            unusable.append(f"{key} ({problem})")
    unknown = [repr(key) for key in state if key not in shapes]  # a file can have any key, also one with a line break
    mistakes = {
        "missing": missing,
        "unknown": unknown,
        "of another shape": misshapen,
        "not finite floating-point numbers": unusable,
    }
    found = "; ".join(f"{kind}: {listed(keys)}" for kind, keys in mistakes.items() if keys)
    if found:
        raise refusal(place, found, f"the tensors {listed(list(shapes))}")
