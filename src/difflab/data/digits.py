"""The digits of several domains as one set of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from difflab.config.diffusion import RecipeData
from difflab.data.dataset import ImageDataset, Split
from difflab.errors import DataError


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
