"""Judges: the digit classifiers that grade samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from difflab.errors import UserError, read_json, reading
from difflab.models.safe_loading import load_weights


class DigitClassifier(nn.Module):
    """What all judges share: a subclass makes `features`, (N, 3, S, S) in [-1, 1] to (N, D), and `classify`, D to 10.

    `config` holds the arguments of the subclass, which `load_judge` makes it from again.
    """

    features: nn.Module
    classify: nn.Linear

    def __init__(self, **config: Any):
        super().__init__()
        self.config = config

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, 10) of images (N, 3, S, S) in [-1, 1]."""
        return self.classify(self.features(images))

    def predict(self, images: Tensor, batch_size: int = 500) -> Tensor:
        """The digits (N,) int64 that it sees in `images` (N, 3, S, S) uint8."""
        return self._batched(self, images, batch_size).argmax(1)

    def probabilities(self, images: Tensor, batch_size: int = 500) -> Tensor:
        """Softmax over the ten digits, (N, 10) float, of `images` (N, 3, S, S) uint8."""
        return self._batched(self, images, batch_size).softmax(1)

    def features_of(self, images: Tensor, batch_size: int = 500) -> Tensor:
        """What the last linear layer reads, (N, D) float, of `images` (N, 3, S, S) uint8."""
        return self._batched(self.features, images, batch_size)

    @torch.inference_mode()
    def _batched(self, module: nn.Module, images: Tensor, batch_size: int) -> Tensor:
        device = self.classify.weight.device
        return torch.cat([module(part.to(device).float() / 127.5 - 1).cpu() for part in images.split(batch_size)])

    def save(self, folder: str | Path) -> None:
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.state_dict(), folder / "model.safetensors")
        (folder / "config.json").write_text(
            json.dumps({"class": type(self).__name__, **self.config}) + "\n", encoding="utf-8"
        )


class Judge(DigitClassifier):
    """Convolutional stages of two 3×3 convolutions with batch norm, halved between, pooled to one linear layer.

    Takes images of any size; D is the last of `channels`.
    """

    def __init__(self, channels: list[int]):
        super().__init__(channels=channels)
        stages: list[nn.Module] = []
        for index, (width_in, width) in enumerate(zip([3, *channels[:-1]], channels, strict=True)):
            stages += [nn.MaxPool2d(2)] if index else []
            for inputs in (width_in, width):
                stages += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        self.features = nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classify = nn.Linear(channels[-1], 10)


def load_judge(folder: str | Path) -> DigitClassifier:
    """The judge of models/judge-DOMAIN/, of the class that its config.json names, ready to grade.

    Raises UserError when there is none that can be read.
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
