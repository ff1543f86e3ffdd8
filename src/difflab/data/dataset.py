"""The format of all image data sets: uint8 images, labels and splits as tensors in one safetensors file."""

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

from difflab.config.diffusion import All, RecipeData
from difflab.data.classes import DIGITS, as_names
from difflab.data.large import empty_images
from difflab.errors import DataError
from difflab.pipeline.files import atomic_write

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
CHUNK = 1024  # images read at once


@dataclass(frozen=True)
class ImageDataset:
    """`images` (N, C, H, W) uint8 0-255, `labels` (N,) int64 index into `classes`, `splits` (N,) uint8 into SPLITS.

    `description` says what the data are, e.g. "optical digits standing in for MNIST". `classes` are the names of the
    labels; in a data set without classes all labels are 0.
    """

    images: Tensor
    labels: Tensor
    splits: Tensor
    description: str
    classes: tuple[str, ...] = DIGITS

    def __len__(self) -> int:
        return len(self.images)

    def part(self, split: Split) -> "ImageDataset":
        """The images of one split, in the same order."""
        return self._those(self._is_of(split))

    def _is_of(self, split: Split) -> Tensor:
        return self.splits == SPLITS.index(split)

    def with_labels(self, labels: list[int]) -> "ImageDataset":
        """The images whose label is one of `labels`."""
        return self._those(torch.isin(self.labels, torch.tensor(labels)))

    def rows(self, split: Split, labels: list[int]) -> Tensor:
        """Indices, int64, of the images in `split` whose label is one of `labels`."""
        return (self._is_of(split) & torch.isin(self.labels, torch.tensor(labels))).nonzero()[:, 0]

    def _those(self, keep: Tensor) -> "ImageDataset":
        images = gather_images([(self.images, keep.nonzero()[:, 0])])
        return replace(self, images=images, labels=self.labels[keep], splits=self.splits[keep])

    def held_out(self) -> "ImageDataset":
        """The validation and test images, in the same order."""
        return self._those(~self._is_of("train"))

    def labels_of(self, classes: Sequence[str | int] | All, place: str | Path) -> list[int]:
        """The labels of `classes`. Raises DataError, one line that begins with `place`, for an unknown class."""
        if classes == "all":
            return list(range(len(self.classes)))
        names = as_names(classes)
        for name in names:
            if name not in self.classes:
                raise DataError(f"{place}: classes: found no {name!r}, allowed: {', '.join(self.classes)}")
        return [self.classes.index(name) for name in names]

    def resized(self, size: int) -> "ImageDataset":
        """Resize to (N, 3, size, size), bicubic with antialiasing as in Pillow; gray becomes three equal channels."""
        images = torch.from_numpy(empty_images(len(self), 3, size, size))
        for source, target in zip(self.images.split(CHUNK), images.split(CHUNK), strict=True):
            target[:] = F.interpolate(source, size=(size, size), mode="bicubic", antialias=True)  # broadcasts gray
        return replace(self, images=images)

    def save(self, path: str | Path) -> None:
        """Write the data set to `path`; equal data give equal bytes."""
        path = Path(path)
        tensors = {"images": self.images, "labels": self.labels, "splits": self.splits}
        # One metadata key: safetensors writes several in an order that changes from run to run.
        about = {"description": self.description, "classes": self.classes}
        metadata = {"description": json.dumps(self.description if self.classes == DIGITS else about)}
        with atomic_write(path) as partial:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial, metadata=metadata)

    @classmethod
    def load(cls, path: str | Path, used: Sequence[Split] = SPLITS) -> "ImageDataset":
        """Read a data set from `path`.

        Raises DataError when the file is missing, is not a data set, fails the checks of `require` or has no image in
        one of the splits `used`.
        """
        try:
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in ("images", "labels", "splits")}
                about = json.loads((file.metadata() or {})["description"])
            about = about if isinstance(about, dict) else {"description": about}
            description, classes = about["description"], tuple(about.get("classes", DIGITS))
        except FileNotFoundError:
            raise DataError(f"{path}: not found") from None
        except (OSError, SafetensorError) as error:
            raise DataError(f"{path}: not a difflab data file: {' '.join(str(error).split())}") from None
        except (KeyError, ValueError):
            raise DataError(f"{path}: description: found no text in the metadata, allowed: text as JSON") from None
        dataset = cls(**tensors, description=description, classes=classes)
        dataset.require(str(path), used)
        return dataset

    def require(self, place: str, used: Sequence[Split] = SPLITS) -> None:
        """Check shapes, dtypes and value ranges, and that each of the splits `used` has an image.

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
            ("labels", self.labels, torch.int64, len(self.classes) - 1),
            ("splits", self.splits, torch.uint8, len(SPLITS) - 1),
        ):
            if tensor.dtype != dtype or tensor.shape != (len(images),):
                allowed = f"{str(dtype).removeprefix('torch.')} ({len(images)},), one for each image"
                raise DataError(f"{place}: {name}: found {_kind(tensor)}, allowed: {allowed}")
            outside = tensor[(tensor < 0) | (tensor > most)]
            if len(outside):
                raise DataError(f"{place}: {name}: found {outside[0]}, allowed: 0 to {most}")
        for split in used:
            if not self._is_of(split).any():
                raise DataError(f"{place}: splits: found no image for {split}, allowed: one at least")
        if not isinstance(self.description, str):
            raise DataError(f"{place}: description: found {json.dumps(self.description)[:80]}, allowed: text")


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def training_splits(hold_out_validation: bool) -> list[Split]:
    """The splits that a recipe trains on."""
    return ["train"] if hold_out_validation else ["train", "validation"]


def load_digits(domains: RecipeData, splits: Sequence[Split], root: str | Path) -> dict[str, Tensor]:
    """Load `images` (N, 3, S, S) uint8, `digits` (N,) int64 labels and `domains` (N,) int64 indices into its keys.

    Reads `root`/DOMAIN.safetensors for each domain and concatenates the images of the requested classes, split by
    split. Raises DataError when a file cannot be read, or a class is unknown or has no image in `splits`.
    """
    parts: list[tuple[int, ImageDataset, Tensor]] = []
    for index, (domain, names) in enumerate(domains.items()):
        path = Path(root, f"{domain}.safetensors")
        dataset = ImageDataset.load(path, [])
        labels = dataset.labels_of(names, path)
        rows = torch.cat([dataset.rows(split, labels) for split in splits])
        if missing := set(labels) - set(dataset.labels[rows].tolist()):
            found = f"no image of the class {dataset.classes[min(missing)]} for {' or '.join(splits)}"
            raise DataError(f"{path}: labels: found {found}, allowed: one at least of each class of a recipe")
        parts.append((index, dataset, rows))
    return {
        "images": gather_images([(dataset.images, rows) for _, dataset, rows in parts]),
        "digits": torch.cat([dataset.labels[rows] for _, dataset, rows in parts]),
        "domains": torch.cat([torch.full_like(rows, index) for index, _, rows in parts]),
    }


def gather_images(parts: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Concatenate the selected images of all parts: (M, C, H, W) uint8.

    `parts`: pairs of images (N, C, H, W) uint8, with the same C, H and W in all parts, and int64 indices into them.
    """
    shape = parts[0][0].shape[1:]
    gathered = torch.from_numpy(empty_images(sum(len(rows) for _, rows in parts), *shape))
    start = 0
    for images, rows in parts:
        for some in rows.split(CHUNK):
            torch.index_select(images, 0, some, out=gathered[start : start + len(some)])
            start += len(some)
    return gathered


def class_labels(path: str | Path, names: Sequence[str | int] | All) -> dict[str, int]:
    """The labels of the classes `names`, by name. Raises DataError for a bad file or an unknown class."""
    dataset = ImageDataset.load(path, [])
    return {dataset.classes[label]: label for label in dataset.labels_of(names, path)}


def shared_classes(domains: RecipeData, root: str | Path) -> tuple[str, ...]:
    """The class names that all data sets of a recipe have. Raises DataError if they differ."""
    paths = [Path(root, f"{domain}.safetensors") for domain in domains]
    first, *others = [ImageDataset.load(path, []).classes for path in paths]
    for path, classes in zip(paths[1:], others, strict=True):
        if classes != first:
            raise DataError(f"{path}: classes: found {', '.join(classes)}, allowed: {', '.join(first)}, as {paths[0]}")
    return first
