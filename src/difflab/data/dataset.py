"""The one layout of image data: uint8 images, labels and splits as tensors in one safetensors file."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from difflab.errors import UserError
from difflab.outputs import atomic_write

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class DataError(UserError):
    """Data that cannot be used; the message is one line that names the file."""


@dataclass(frozen=True)
class ImageDataset:
    """`images` (N, C, H, W) uint8 0-255, `labels` (N,) int64 (0 for faces), `splits` (N,) uint8 index into SPLITS.

    `description` says what the data really are, e.g. "optical digits standing in for MNIST".
    """

    images: Tensor
    labels: Tensor
    splits: Tensor
    description: str

    def __len__(self) -> int:
        return len(self.images)

    def part(self, split: Split) -> ImageDataset:
        """The images of one split, in their order."""
        keep = self.splits == SPLITS.index(split)
        return ImageDataset(self.images[keep], self.labels[keep], self.splits[keep], self.description)

    def with_labels(self, labels: list[int]) -> ImageDataset:
        """The images whose label is one of `labels`."""
        keep = torch.isin(self.labels, torch.tensor(labels))
        return ImageDataset(self.images[keep], self.labels[keep], self.splits[keep], self.description)

    def resized(self, size: int) -> ImageDataset:
        """(N, 3, size, size): bicubic with antialiasing, as Pillow's; grey becomes three equal channels."""
        images = torch.empty(len(self), 3, size, size, dtype=torch.uint8)
        for source, target in zip(self.images.split(1024), images.split(1024), strict=True):
            target[:] = F.interpolate(source, size=(size, size), mode="bicubic", antialias=True)  # broadcasts grey
        return replace(self, images=images)

    def save(self, path: str | Path) -> None:
        """Equal data give equal bytes."""
        path = Path(path)
        tensors = {"images": self.images, "labels": self.labels, "splits": self.splits}
        # One metadata key: safetensors writes several in an order that changes from run to run.
        metadata = {"description": json.dumps(self.description)}
        with atomic_write(path) as partial:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial, metadata=metadata)

    @classmethod
    def load(cls, path: str | Path) -> ImageDataset:
        """Raises DataError when the file is missing or does not hold such tensors."""
        try:
            with safe_open(path, framework="pt") as file:
                description = json.loads(file.metadata()["description"])
                tensors = {name: file.get_tensor(name) for name in ("images", "labels", "splits")}
        except FileNotFoundError:
            raise DataError(f"{path}: not found") from None
        except (SafetensorError, KeyError, TypeError) as error:
            raise DataError(f"{path}: not a difflab data file: {error}") from None
        images, labels, splits = tensors["images"], tensors["labels"], tensors["splits"]
        if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
            raise DataError(f"{path}: images {images.dtype} {list(images.shape)}, allowed: uint8 (N, 1 or 3, H, W)")
        if not len(images) == len(labels) == len(splits):
            raise DataError(f"{path}: {len(images)} images, {len(labels)} labels and {len(splits)} splits, not as many")
        return cls(**tensors, description=description)
