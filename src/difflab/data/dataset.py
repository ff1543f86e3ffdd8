"""The one layout of image data: uint8 images, labels and splits as tensors in one safetensors file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from difflab.config.diffusion import RecipeData
from difflab.errors import DataError
from difflab.pipeline.files import atomic_write

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
MAX_LABEL = 9  # labels are digits


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

    def part(self, split: Split) -> "ImageDataset":
        """The images of one split, in their order."""
        keep = self.splits == SPLITS.index(split)
        return ImageDataset(self.images[keep], self.labels[keep], self.splits[keep], self.description)

    def with_labels(self, labels: list[int]) -> "ImageDataset":
        """The images whose label is one of `labels`."""
        keep = torch.isin(self.labels, torch.tensor(labels))
        return ImageDataset(self.images[keep], self.labels[keep], self.splits[keep], self.description)

    def resized(self, size: int) -> "ImageDataset":
        """(N, 3, size, size): bicubic with antialiasing, as Pillow's; gray becomes three equal channels."""
        images = torch.empty(len(self), 3, size, size, dtype=torch.uint8)
        for source, target in zip(self.images.split(1024), images.split(1024), strict=True):
            target[:] = F.interpolate(source, size=(size, size), mode="bicubic", antialias=True)  # broadcasts gray
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
    def load(cls, path: str | Path, used: Sequence[Split] = SPLITS) -> "ImageDataset":
        """Raises DataError when the file is missing or holds anything but a data set with images in the splits `used`.

        A file can be the user's own, so all of it is checked: see `require`.
        """
        try:
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in ("images", "labels", "splits")}
                description = json.loads((file.metadata() or {})["description"])
        except FileNotFoundError:
            raise DataError(f"{path}: not found") from None
        except (OSError, SafetensorError) as error:
            raise DataError(f"{path}: not a difflab data file: {' '.join(str(error).split())}") from None
        except (KeyError, ValueError):
            raise DataError(f"{path}: description: found no text in the metadata, allowed: text as JSON") from None
        dataset = cls(**tensors, description=description)
        dataset.require(str(path), used)
        return dataset

    def require(self, place: str, used: Sequence[Split] = SPLITS) -> None:
        """Check shapes, types and ranges, and that there are images in the splits `used`.

        Raises DataError, one line that begins with `place`.
        """
        images = self.images
        if (
            images.dtype != torch.uint8
            or images.ndim != 4
            or images.shape[1] not in (1, 3)
            or images.shape[2] != images.shape[3]
            or not images.numel()
        ):
            allowed = "uint8 (N, 1 or 3, S, S), one image at least"
            raise DataError(f"{place}: images: found {_kind(images)}, allowed: {allowed}")
        for name, tensor, dtype, most in (
            ("labels", self.labels, torch.int64, MAX_LABEL),
            ("splits", self.splits, torch.uint8, len(SPLITS) - 1),
        ):
            if tensor.dtype != dtype or tensor.shape != (len(images),):
                allowed = f"{str(dtype).removeprefix('torch.')} ({len(images)},), one for each image"
                raise DataError(f"{place}: {name}: found {_kind(tensor)}, allowed: {allowed}")
            outside = tensor[(tensor < 0) | (tensor > most)]
            if len(outside):
                raise DataError(f"{place}: {name}: found {outside[0]}, allowed: 0 to {most}")
        for split in used:
            if not (self.splits == SPLITS.index(split)).any():
                raise DataError(f"{place}: splits: found no image for {split}, allowed: one at least")
        if not isinstance(self.description, str):
            raise DataError(f"{place}: description: found {json.dumps(self.description)[:80]}, allowed: text")


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def training_splits(hold_out_validation: bool) -> list[Split]:
    """The splits that a recipe trains on."""
    return ["train"] if hold_out_validation else ["train", "validation"]


def load_digits(domains: RecipeData, splits: Sequence[Split], root: str | Path) -> dict[str, Tensor]:
    """`images` (N, 3, S, S) uint8, `digits` (N,) int64 and `domains` (N,) int64, indices into the keys of `domains`.

    From `root`/DOMAIN.safetensors for each domain the images of its digits in the given splits, one after the other.
    Raises DataError, also where a digit has no image in all of them.
    """
    parts: list[tuple[int, ImageDataset]] = []
    for index, (domain, digits) in enumerate(domains.items()):
        path = Path(root, f"{domain}.safetensors")
        dataset = ImageDataset.load(path, [])
        of_digits = [dataset.part(split).with_labels(digits) for split in splits]
        if missing := set(digits) - {label for part in of_digits for label in part.labels.tolist()}:
            found = f"no image of the digit {min(missing)} for {' or '.join(splits)}"
            raise DataError(f"{path}: labels: found {found}, allowed: one at least of each digit of a recipe")
        parts += [(index, part) for part in of_digits]
    return {
        "images": torch.cat([part.images for _, part in parts]),
        "digits": torch.cat([part.labels for _, part in parts]),
        "domains": torch.cat([torch.full_like(part.labels, index) for index, part in parts]),
    }
