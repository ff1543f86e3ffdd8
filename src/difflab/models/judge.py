"""The judge: the digit classifier that grades samples."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


class Judge(nn.Module):
    """Convolutional stages of two 3×3 convolutions with batch norm, halved between, pooled to one linear layer.

    Takes (N, 3, S, S) in [-1, 1] to logits (N, 10).
    """

    def __init__(self, channels: list[int]):
        super().__init__()
        self.channels = channels
        stages: list[nn.Module] = []
        for index, (width_in, width) in enumerate(zip([3, *channels[:-1]], channels, strict=True)):
            stages += [nn.MaxPool2d(2)] if index else []
            for inputs in (width_in, width):
                stages += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        self.features = nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classify = nn.Linear(channels[-1], 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.classify(self.features(images))

    @torch.inference_mode()
    def predict(self, images: Tensor, batch_size: int = 500) -> Tensor:
        """The digits (N,) int64 that it sees in `images` (N, 3, S, S) uint8."""
        device = self.classify.weight.device
        parts = [self(part.to(device).float() / 127.5 - 1).argmax(1).cpu() for part in images.split(batch_size)]
        return torch.cat(parts)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.state_dict(), folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps({"channels": self.channels}) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Judge:
        judge = cls(**json.loads((folder / "config.json").read_text()))
        judge.load_state_dict(load_file(folder / "model.safetensors"))
        return judge.eval()
