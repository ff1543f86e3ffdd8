"""Find the weights of a network in a file of another program, nested in dicts or with a prefix."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from difflab.errors import UserError
from difflab.models.safe_loading import check_state_dict, listed, read_saved, refusal

MAX_DEPTH = 4  # of nested dicts
COUNTER = "n_averaged"  # next to the weights of torch.optim.swa_utils.AveragedModel
# Endings of names in files of other networks; the first match counts. LoRA's occur in every layer.
LAYOUTS = {
    "model.diffusion_model.input_blocks.0.0.weight": "Stable Diffusion in one file",
    ".lora_A.weight": "LoRA weights",
    ".lora_down.weight": "LoRA weights",
    ".lora.down.weight": "LoRA weights",
    "text_model.embeddings.token_embedding.weight": "a CLIP of transformers without its folder",
    "visual.class_embedding": "a CLIP of OpenAI or OpenCLIP",
    "decoder.up_blocks.0.resnets.0.conv1.weight": "an autoencoder of diffusers without its folder",
    "controlnet_cond_embedding.conv_in.weight": "a ControlNet of diffusers without its folder",
    "down_blocks.0.resnets.0.conv1.weight": "a U-Net of diffusers without its folder",
    "input_blocks.0.0.weight": "a U-Net of OpenAI's guided-diffusion",
    "downs.0.0.block1.proj.weight": "a U-Net of denoising-diffusion-pytorch",
}


@dataclass(frozen=True)
class _Place:
    """A candidate location of the weights in a file: the dict at `keys`, with names that begin with `prefix`."""

    keys: tuple[str, ...]
    prefix: str
    entries: Mapping[Any, Any]
    count: int  # of the network's names found there

    def __str__(self) -> str:
        return ".".join([*self.keys, *([f"{self.prefix}*"] if self.prefix else [])]) or "its top"


def read_state_dict(path: str | Path, shapes: Mapping[str, tuple[int, ...]], place: str) -> dict[str, Tensor]:
    """Read the state dict of a network, with the names and `shapes` given, from a file that `read_saved` can read.

    The tensors may be nested in dicts, such as {"state_dict": …}, {"model": …, "optimizer": …} or {"ema": …}, and their
    names may share a prefix, such as module., _orig_mod. or model. Their dict may have no other entries. Raises
    UserError, one line that begins with `place`, if the file cannot be read, contains the network twice or another
    network, a key is missing, unknown or has another shape, or a number is not finite.
    """
    saved = read_saved(path, place)
    places = [found for keys, entries in _dicts(saved) for found in _places(keys, entries, shapes)]
    whole = [found for found in places if found.count == len(shapes)]
    if len(whole) > 1:
        raise refusal(place, f"the network at {' and at '.join(map(str, whole))}", "a file that has it once")
    layout = "" if whole else layout_of(saved)
    if layout or not places:
        raise refusal(place, layout or _contents(saved), f"the tensors {listed(list(shapes))}")
    best = max(places, key=lambda found: found.count)
    named = {best.prefix + name: name for name in shapes}
    others = {key: value for key, value in best.entries.items() if key not in named and key != COUNTER}
    place = ": ".join([place, ".".join(best.keys)]) if best.keys else place
    if both := [repr(key) for key in others if key in shapes]:
        raise refusal(place, f"{listed(both)} beside the same names with {best.prefix!r}", "each name once")
    state = {name: best.entries[key] for key, name in named.items() if key in best.entries}
    check_state_dict(state | others, shapes, place)
    return state


def layout_of(saved: Any) -> str:
    """Description of the network in a file, if it is one of LAYOUTS; empty if it is unknown."""
    names = [key for _, entries in _dicts(saved) for key in entries if isinstance(key, str)]
    return next((kind for end, kind in LAYOUTS.items() if any(name.endswith(end) for name in names)), "")


def layout_in(path: str | Path) -> str:
    """Description, for error messages, of a file that was given instead of a model folder: its layout if known."""
    try:
        saved = read_saved(path, str(path))
    except UserError:
        return "a file"
    return layout_of(saved) or "a file of weights"


def _dicts(saved: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Mapping[Any, Any]]]:
    """All nested dicts of a file, each with the keys that lead to it."""
    if isinstance(saved, Mapping):
        yield keys, saved
        for key, value in saved.items() if len(keys) < MAX_DEPTH else ():
            if isinstance(key, str) and key.isprintable():
                yield from _dicts(value, (*keys, key))


def _places(keys: tuple[str, ...], entries: Mapping[Any, Any], names: Iterable[str]) -> Iterator[_Place]:
    """One place for each prefix such that some keys of `entries` are that prefix followed by one of `names`."""
    known, counts = set(names), Counter[str]()
    for key in entries:
        parts = key.split(".") if isinstance(key, str) and key.isprintable() else []
        counts.update(key.removesuffix(end) for start in range(len(parts)) if (end := ".".join(parts[start:])) in known)
    yield from (_Place(keys, prefix, entries, count) for prefix, count in counts.items())


def _contents(saved: Any) -> str:
    if not isinstance(saved, Mapping):
        return f"a {type(saved).__name__}"
    entries = [f"{key!r} ({type(value).__name__})" for key, value in saved.items()]
    return f"a dict of {listed(entries)}" if entries else "an empty dict"
