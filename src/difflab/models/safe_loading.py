"""Load weights and tensors without unpickling; check that they are complete and finite, and that β are valid.

Files may come from other programs, written with `torch.save`, NumPy or safetensors. Any problem is a one-line
UserError. models/weights_file.py finds the weights of one network in such a file.
"""

import pickle
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from difflab.errors import UserError

MAX_NAMED = 5  # keys listed in an error message for each kind of mistake
PREDICTIONS = ("epsilon", "v_prediction")
LEAST_SIGNAL = torch.finfo(torch.float32).tiny  # smaller ᾱ are imprecise in float32: no step leads back from noise


def _torch(path: Path) -> Any:
    with path.open("rb") as file:  # given a path, torch would look at its suffix
        return torch.load(file, map_location="cpu", weights_only=True)


def _numpy(path: Path) -> Tensor:
    array = np.load(path, allow_pickle=False)
    return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), order="C"))  # the only order torch supports


Reader = tuple[Callable[[Path], Any], str]  # and a description of what it reads
TORCH: Reader = _torch, "what torch.save wrote"
NUMPY: Reader = _numpy, "an array that numpy.save wrote"
SAFETENSORS: Reader = load_file, "tensors in the format of safetensors"
READERS = {".npy": NUMPY, ".safetensors": SAFETENSORS}
OTHERS = {  # by the first bytes, in lower case
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself",
    b"<!doctype": "a web page",
    b"<html": "a web page",
    b"\x89hdf": "an HDF5 file",
}
IN_ARCHIVES = {"/constants.pkl": "a TorchScript archive", ".npy": "an archive of numpy.savez"}  # by end of name


def read_saved(path: str | Path, place: str) -> Any:
    """The contents of a file written by torch.save, numpy.save or safetensors, with any suffix; tensors on the CPU.

    Only tensors and plain containers are unpickled. Raises UserError, one line that begins with `place` and says what
    the file is instead.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(24)
    except OSError as error:
        raise refusal(place, str(error.strerror), "a file") from None
    read, kind = _reader_of(head, path.suffix)
    if other := _other_kind(path, head):
        raise refusal(place, other, kind)
    try:
        return read(path)
    except pickle.UnpicklingError:
        allowed = "tensors, numbers, strings, dicts, lists"
        raise refusal(place, f"what only unpickling could load{_classes_in(path)}", allowed) from None
    except Exception as error:  # a damaged file can raise anything
        raise refusal(place, f"a damaged file ({type(error).__name__})", kind) from None


def _reader_of(head: bytes, suffix: str) -> Reader:
    """The reader for a file, by its first bytes (the suffix can be wrong), else by its suffix."""
    if head.startswith((b"PK", b"\x80")):
        return TORCH
    if head.startswith(b"\x93NUMPY"):
        return NUMPY
    return SAFETENSORS if head[8:9] == b"{" else READERS.get(suffix, TORCH)


def _classes_in(path: Path) -> str:
    """The first classes and functions that a torch.save file refers to, found without running its pickle."""
    try:
        names = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # the old format, or a damaged file
        return ""
    return f" ({listed(names)})" if names and all(name.isprintable() for name in names) else ""


def _other_kind(path: Path, head: bytes) -> str:
    """Description of a file that is known to be of another kind; empty if it may contain tensors."""
    if not head:
        return "an empty file"
    names: list[str] = []
    with suppress(Exception), zipfile.ZipFile(path) as archive:  # a damaged one can raise anything
        names = archive.namelist()
    kinds = [kind for end, kind in IN_ARCHIVES.items() if any(name.endswith(end) for name in names)]
    kinds += [kind for start, kind in OTHERS.items() if head.lower().startswith(start)]
    return kinds[0] if kinds else ""


def only_tensor(value: Any) -> Any:
    """Unwrap a tensor from a dict, list or tuple with one entry (up to two levels), and detach it.

    Other values are returned unchanged.
    """
    for _ in range(2):
        if isinstance(value, (dict, list, tuple)) and len(value) == 1:
            [value] = value.values() if isinstance(value, dict) else value
    return value.detach() if isinstance(value, Tensor) else value


def unfit(value: Any) -> str:
    """Why a value is not a dense tensor of finite floating-point numbers; empty if it is one."""
    if not isinstance(value, Tensor):
        return f"a {type(value).__name__}"
    if not value.is_floating_point():
        return str(value.dtype).removeprefix("torch.")
    if value.layout is not torch.strided or value.is_meta:
        return f"{str(value.layout).removeprefix('torch.')} on {value.device}"
    return "" if value.float().isfinite().all() else "not finite"


def refusal(place: str, found: str, allowed: str) -> UserError:
    """A UserError of one line that names the place, what was found and what is allowed."""
    return UserError(f"{place}: found {found}, allowed: {allowed}")


def listed(names: Sequence[str]) -> str:
    """The first `MAX_NAMED` names as text, and the number of the others."""
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def check_state_dict(state: Mapping[Any, Any], shapes: Mapping[str, tuple[int, ...]], place: str) -> None:
    """Require exactly the keys of `shapes`, each with a tensor of that shape that is finite in float32.

    Raises UserError, one line that begins with `place` and names the first keys for each kind of mistake.
    """
    missing, misshapen, unusable = [], [], []
    for key, shape in shapes.items():
        if key not in state:
            missing.append(key)
        elif isinstance(state[key], Tensor) and state[key].shape != shape:
            misshapen.append(f"{key} {tuple(state[key].shape)} for {shape}")
        elif problem := unfit(state[key]):
            unusable.append(f"{key} ({problem})")
    unknown = [repr(key) for key in state if key not in shapes]  # a key can be anything, even contain a line break
    mistakes = {
        "missing": missing,
        "unknown": unknown,
        "of another shape": misshapen,
        "not finite floating-point numbers": unusable,
    }
    found = "; ".join(f"{kind}: {listed(keys)}" for kind, keys in mistakes.items() if keys)
    if found:
        raise refusal(place, found, f"the tensors {listed(list(shapes))}")


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file. Raises UserError, one line, if it is damaged or has non-finite numbers."""
    weights = read_saved(path, str(path))
    _require_finite(weights, str(path))
    return weights


def load_weights(network: nn.Module, path: str | Path, prefix: str = "") -> None:
    """Load the weights of a safetensors file, whose names may begin with `prefix`, into `network`.

    Raises UserError, one line, if the file cannot be read or does not match the network.
    """
    weights = {name.removeprefix(prefix): tensor for name, tensor in read_weights(path).items()}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise refusal(str(path), " ".join(str(error).split()), f"the weights of a {type(network).__name__}") from None


def require_weights(network: nn.Module, place: str | Path) -> None:
    """Raises UserError, one line that begins with `place`, if weights of a loaded network are missing or not finite.

    diffusers and transformers only warn about missing weights and leave them without values.
    """
    _require_finite(network.state_dict(), str(place))


def _require_finite(state: Mapping[str, Tensor], place: str) -> None:
    missing = [name for name, tensor in state.items() if tensor.is_meta]
    broken = [name for name, tensor in state.items() if not tensor.is_meta and not tensor.isfinite().all()]
    found = {"weights that are missing": missing, "weights that are not finite": broken}
    if problems := [f"{kind}: {listed(names)}" for kind, names in found.items() if names]:
        raise refusal(place, "; ".join(problems), "finite numbers")


def require_schedule(scheduler: Any, place: str | Path) -> None:
    """Raises UserError, one line that begins with `place`, if a loaded scheduler of diffusers is not usable.

    The prediction has to be ε or v, all β in (0, 1), and ᾱ_T a normal float32 number above 0. If the configuration
    rescales to zero SNR (Lin et al. 2023), the last β is not checked.
    """
    config, place = scheduler.config, str(place)
    predicted = config.get("prediction_type", "epsilon")
    if predicted not in PREDICTIONS:
        raise refusal(place, f"prediction_type {predicted!r}", " or ".join(PREDICTIONS))
    betas = getattr(scheduler, "betas", None)
    if not isinstance(betas, Tensor):
        raise refusal(place, f"{type(scheduler).__name__}, which has no β", "a scheduler of a diffusion with β")
    betas = betas.double()
    if config.get("rescale_betas_zero_snr"):
        betas = betas[:-1]
    outside = betas[~((betas > 0) & (betas < 1))]
    if len(outside) or not len(betas):
        raise refusal(place, f"β of {outside[0]:g}" if len(outside) else "no β", "numbers > 0 and < 1")
    if (left := float(torch.prod(1 - betas))) < LEAST_SIGNAL:
        raise refusal(place, f"β whose ᾱ falls to {left:.3g}", f"at least {LEAST_SIGNAL:.3g}, or no step leads back")
    trained = config.get("trained_betas")
    if trained is not None and len(trained) != config["num_train_timesteps"]:
        raise refusal(place, f"{len(trained)} trained_betas", f"num_train_timesteps = {config['num_train_timesteps']}")
