"""The classifiers that evaluate samples: trained by this pipeline, or a course's LeNet loaded from a weight file."""

import json
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from difflab.data.classes import DIGITS
from difflab.data.pixels import to_signed
from difflab.errors import UserError, read_json, reading
from difflab.models.safe_loading import load_weights
from difflab.models.task import Task
from difflab.models.weights_file import read_state_dict

SIZE = 28  # pixels a side


class DigitClassifier(nn.Module):
    """Base class: subclasses define `features`, (N, 3, S, S) in [-1, 1] to (N, D), and `classify`, D to K classes.

    `config` has the arguments of the subclass, from which `load_digit_classifier` rebuilds it. They include `classes`,
    the names of the labels, unless these are the ten digits.
    """

    features: nn.Module
    classify: nn.Linear

    def __init__(self, classes: Sequence[str] = DIGITS, **config: Any):
        super().__init__()
        self.classes = tuple(classes)
        self.config = config if self.classes == DIGITS else config | {"classes": list(classes)}

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) for images (N, 3, S, S) in [-1, 1]."""
        return self.classify(self.features(images))

    def predict(self, images: Tensor, batch_size: int = 500) -> Tensor:
        """Predicted labels (N,) int64 for `images` (N, 3, S, S) uint8."""
        return self._batched(self, images, batch_size).argmax(1)

    def probabilities(self, images: Tensor, batch_size: int = 500) -> Tensor:
        """Softmax over the classes, (N, K) float, for `images` (N, 3, S, S) uint8."""
        return self._batched(self, images, batch_size).softmax(1)

    def features_of(self, images: Tensor, batch_size: int = 500) -> Tensor:
        """Inputs of the last linear layer, (N, D) float, for `images` (N, 3, S, S) uint8."""
        return self._batched(self.features, images, batch_size)

    @torch.inference_mode()
    def _batched(self, module: nn.Module, images: Tensor, batch_size: int) -> Tensor:
        device = self.classify.weight.device
        return torch.cat([module(to_signed(part.to(device))).cpu() for part in images.split(batch_size)])

    def save(self, folder: str | Path) -> None:
        """Write model.safetensors and config.json, which `load_digit_classifier` reads."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.state_dict(), folder / "model.safetensors")
        (folder / "config.json").write_text(
            json.dumps({"class": type(self).__name__, **self.config}) + "\n", encoding="utf-8"
        )


class Judge(DigitClassifier):
    """A CNN: stages of two 3×3 convolutions with batch norm and ReLU, global average pooling and one linear layer.

    `channels` has the width of each stage; max pooling halves the image between stages. Takes images of any size; D is
    `channels[-1]`.
    """

    def __init__(self, channels: list[int], classes: Sequence[str] = DIGITS):
        super().__init__(classes, channels=channels)
        stages: list[nn.Module] = []
        for index, (width_in, width) in enumerate(zip([3, *channels[:-1]], channels, strict=True)):
            stages += [nn.MaxPool2d(2)] if index else []
            for inputs in (width_in, width):
                stages += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        self.features = nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classify = nn.Linear(channels[-1], len(self.classes))


def load_digit_classifier(folder: str | Path) -> DigitClassifier:
    """Load a classifier from models/judges/DATASET/, in eval mode.

    Raises UserError when it is missing or cannot be read.
    """
    folder = Path(folder)
    with reading(folder, KeyError, TypeError):
        config = read_json(folder / "config.json")
        judge = _class_named(config.pop("class"))(**config)
    load_weights(judge, folder / "model.safetensors")
    return judge.eval()


def _class_named(name: str) -> type[DigitClassifier]:
    match name:
        case "Judge":
            return Judge
        case "CourseJudge":
            from difflab.classifiers.digit_classifier import CourseJudge  # a subclass of the one above

            return CourseJudge
    raise UserError(f"config.json: class: found {name!r}, allowed: Judge, CourseJudge")


class ClassificationTask(Task):
    """Cross-entropy of `classifier`, a module that maps images (N, 3, S, S) in [-1, 1] to logits (N, K)."""

    joins_images = True

    def __init__(self, classifier: nn.Module):
        super().__init__()
        self.classifier = classifier

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """The mean loss of `images` (N, 3, S, S) uint8 and labels `digits` (N,) int64."""
        return F.cross_entropy(self.classifier(to_signed(inputs["images"])).float(), inputs["digits"])


class CourseJudge(DigitClassifier):
    """LeNet-like (LeCun et al. 1998): conv 3→6 5×5, pool 2, conv 6→16 5×5, pool 2, fc 256→128→64→10, ReLU.

    Takes images (N, 3, 28, 28) in [-1, 1] and raises UserError for other sizes; D is 64.
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


def load_course_classifier(path: str | Path) -> CourseJudge:
    """Load the classifier from a file with the tensors conv1.weight … fc3.bias, in eval mode.

    The tensors may be nested, such as {"state_dict": {"conv1.weight": …}, …}. Only tensors and plain containers are
    unpickled. Raises UserError, one line, if the file cannot be read, a key is missing, unknown or has another shape,
    or a number is not finite; see `read_state_dict`.
    """
    judge = CourseJudge()
    names = {_name_in_file(name): name for name in judge.state_dict()}
    shapes = {key: tuple(judge.state_dict()[name].shape) for key, name in names.items()}
    state = read_state_dict(path, shapes, f"judge.checkpoint: {path}")
    judge.load_state_dict({name: state[key] for key, name in names.items()})
    return judge.eval()


def _name_in_file(name: str) -> str:
    """The name in the file: conv1.weight for features.conv1.weight, fc3.weight for classify.weight."""
    return name.removeprefix("features.").replace("classify", "fc3")
