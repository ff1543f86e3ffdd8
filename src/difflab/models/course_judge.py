"""The judge of a course on generative models: a LeNet for MNIST-M that comes as a file of weights."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from difflab.models.judge import DigitClassifier
from difflab.stage import UserError

SIZE = 28  # pixels a side


class CourseJudge(DigitClassifier):
    """LeNet-like (LeCun et al. 1998): conv 3→6 5×5, pool 2, conv 6→16 5×5, pool 2, fc 256→128→64→10, ReLU.

    Takes (N, 3, 28, 28) in [-1, 1] and raises UserError for images of another size; its features are 64.
    """

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                size=_RequireSize(),
                conv1=nn.Conv2d(3, 6, 5),
                relu1=nn.ReLU(),
                pool1=nn.MaxPool2d(2),
                conv2=nn.Conv2d(6, 16, 5),
                relu2=nn.ReLU(),
                pool2=nn.MaxPool2d(2),
                flatten=nn.Flatten(),
                fc1=nn.Linear(256, 128),
                relu3=nn.ReLU(),
                fc2=nn.Linear(128, 64),
                relu4=nn.ReLU(),
            )
        )
        self.classify = nn.Linear(64, 10)


class _RequireSize(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        if images.shape[2:] != (SIZE, SIZE):
            height, width = images.shape[2:]
            raise UserError(
                f"prepare.digit_size: found images of {height}×{width}, allowed: {SIZE}, because judge.checkpoint "
                f"names a LeNet of {SIZE}×{SIZE}"
            )
        return images


def load_course_judge(path: Path) -> CourseJudge:
    """The judge of a file that `torch.save` made of {"state_dict": {"conv1.weight": …, "fc3.bias": …}, …}.

    Nothing in the file is unpickled but tensors and plain containers. Raises UserError, one line, when it cannot be
    read or a key of `state_dict` is missing, unknown or of another shape.
    """
    state = _read_state_dict(path)
    judge = CourseJudge()
    names = {_name_in_file(name): name for name in judge.state_dict()}
    allowed = {key: tuple(judge.state_dict()[name].shape) for key, name in names.items()}
    for key, shape in allowed.items():
        if key not in state:
            raise _refuse(path, f"state_dict.{key}", "nothing", f"a tensor of shape {shape}")
    for key in state:
        if key not in allowed:
            raise _refuse(path, f"state_dict.{key}", "an unknown key", ", ".join(allowed))
        if problem := _problem(state[key], allowed[key]):
            raise _refuse(path, f"state_dict.{key}", problem, f"finite floating-point numbers of shape {allowed[key]}")
    judge.load_state_dict({names[key]: tensor for key, tensor in state.items()})
    return judge.eval()


def _name_in_file(name: str) -> str:
    """features.conv1.weight is conv1.weight there, and classify.weight is fc3.weight."""
    return name.removeprefix("features.").replace("classify", "fc3")


def _read_state_dict(path: Path) -> dict[Any, Any]:
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise _refuse(path, "", str(error.strerror), "a file") from None
    except pickle.UnpicklingError:
        raise _refuse(path, "", "what only unpickling could load", "tensors, numbers, strings, dicts, lists") from None
    except Exception as error:  # a damaged file can raise anything
        raise _refuse(path, "", f"a damaged file ({type(error).__name__})", "what torch.save wrote") from None
    if not isinstance(saved, dict):
        raise _refuse(path, "", f"a {type(saved).__name__}", "a dict with state_dict")
    state = saved.get("state_dict")
    if not isinstance(state, dict):
        found = "nothing" if "state_dict" not in saved else f"a {type(state).__name__}"
        raise _refuse(path, "state_dict", found, "a dict of tensors")
    return state


def _problem(value: Any, shape: tuple[int, ...]) -> str:
    """What is wrong with a value that should be a tensor of `shape`; empty when it is one."""
    if not isinstance(value, Tensor):
        return f"a {type(value).__name__}"
    if tuple(value.shape) != shape:
        return f"shape {tuple(value.shape)}"
    if not value.is_floating_point():
        return f"numbers of type {str(value.dtype).removeprefix('torch.')}"
    return "" if value.isfinite().all() else "numbers that are not finite"


def _refuse(path: Path, key: str, found: str, allowed: str) -> UserError:
    place = ": ".join(part for part in ("judge.checkpoint", str(path), key) if part)
    return UserError(f"{place}: found {found}, allowed: {allowed}")
