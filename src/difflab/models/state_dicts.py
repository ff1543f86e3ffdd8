"""Weights of files, checked key by key: those of other programs, and those that a network was loaded from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor, nn

from difflab.saved import read_saved, refusal, unfit

MAX_NAMED = 5  # keys of one kind that a line names
# What diffusers and transformers raise for a folder that is damaged or of another kind.
PROBLEMS = (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, RuntimeError, SafetensorError)


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
    found = "; ".join(f"{kind}: {_listed(keys)}" for kind, keys in mistakes.items() if keys)
    if found:
        raise refusal(place, found, f"the tensors {_listed(list(shapes))}")


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file. Raises UserError, one line, where it is damaged or a number is not finite."""
    weights = read_saved(path, str(path))
    _require_finite(weights, str(path))
    return weights


def load_weights(network: nn.Module, path: str | Path, prefix: str = "") -> None:
    """Give `network` the weights of a safetensors file, whose names may begin with `prefix`.

    Raises UserError, one line, also where they are another network's.
    """
    weights = {name.removeprefix(prefix): tensor for name, tensor in read_weights(path).items()}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise refusal(str(path), " ".join(str(error).split()), f"the weights of a {type(network).__name__}") from None


def require_weights(network: nn.Module, place: str | Path) -> None:
    """Raises UserError, one line that begins with `place`, where weights of a loaded network are no finite numbers.

    diffusers and transformers leave without a number what a file does not have, and only warn.
    """
    _require_finite(network.state_dict(), str(place))


def _require_finite(state: Mapping[str, Tensor], place: str) -> None:
    missing = [name for name, tensor in state.items() if tensor.is_meta]
    broken = [name for name, tensor in state.items() if not tensor.is_meta and not tensor.isfinite().all()]
    found = {"weights that are missing": missing, "weights that are not finite": broken}
    if problems := [f"{kind}: {_listed(names)}" for kind, names in found.items() if names]:
        raise refusal(place, "; ".join(problems), "finite numbers")


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
