"""The judge of a course on generative models: a LeNet for MNIST-M that comes as a file of weights."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from torch import Tensor, nn

from difflab.classifiers.digit_classifier import DigitClassifier
from difflab.errors import UserError
from difflab.models.safe_loading import check_state_dict, read_dict, refusal

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


def load_course_judge(path: str | Path) -> CourseJudge:
    """The judge of a file that `torch.save` made of {"state_dict": {"conv1.weight": …, "fc3.bias": …}, …}.

    Nothing in the file is unpickled but tensors and plain containers. Raises UserError, one line, when it cannot be
    read, a key of `state_dict` is missing, unknown or of another shape, or a number is not finite.
    """
    place = f"judge.checkpoint: {path}"
    saved = read_dict(path, place)
    state, place = saved.get("state_dict"), f"{place}: state_dict"
    if not isinstance(state, dict):
        found = "nothing" if "state_dict" not in saved else f"a {type(state).__name__}"
        raise refusal(place, found, "a dict of tensors")
    judge = CourseJudge()
    names = {_name_in_file(name): name for name in judge.state_dict()}
    check_state_dict(state, {key: tuple(judge.state_dict()[name].shape) for key, name in names.items()}, place)
    judge.load_state_dict({name: state[key] for key, name in names.items()})
    return judge.eval()


def _name_in_file(name: str) -> str:
    """features.conv1.weight is conv1.weight there, and classify.weight is fc3.weight."""
    return name.removeprefix("features.").replace("classify", "fc3")
