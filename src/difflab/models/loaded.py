"""What is asked of every model that is loaded: all weights there and finite, and β that lead to noise and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from difflab.models.safe_loading import listed, read_saved, refusal

PREDICTIONS = ("epsilon", "v_prediction")
LEAST_SIGNAL = torch.finfo(torch.float32).tiny  # of a smaller ᾱ float32 loses digits: no step leads back from noise


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
    if problems := [f"{kind}: {listed(names)}" for kind, names in found.items() if names]:
        raise refusal(place, "; ".join(problems), "finite numbers")


def require_schedule(scheduler: Any, place: str | Path) -> None:
    """Raises UserError, one line that begins with `place`, where a scheduler of diffusers that was loaded cannot work.

    Its β have to lie in (0, 1) and to leave some of the image, ᾱ_T > 0 in float32; the last may be 1 where the
    configuration rescales to zero SNR (Lin et al. 2023). A network predicts ε or v.
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
