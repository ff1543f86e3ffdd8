"""The digits of several domains as one set of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from difflab.data.dataset import ImageDataset, Split


def training_splits(hold_out_validation: bool) -> list[Split]:
    """The splits that a recipe trains on."""
    return ["train"] if hold_out_validation else ["train", "validation"]


def load_digits(
    domains: dict[str, list[int]], splits: Sequence[Split], root: str | Path = Path("prepared")
) -> dict[str, Tensor]:
    """`images` (N, 3, S, S) uint8, `digits` (N,) int64 and `domains` (N,) int64, indices into the keys of `domains`.

    From `root`/DOMAIN.safetensors for each domain the images of its digits in the given splits, one after the other.
    Raises DataError.
    """
    root = Path(root)
    parts = [
        (index, dataset.part(split).with_labels(digits))
        for index, (domain, digits) in enumerate(domains.items())
        for dataset in [ImageDataset.load(root / f"{domain}.safetensors")]
        for split in splits
    ]
    return {
        "images": torch.cat([part.images for _, part in parts]),
        "digits": torch.cat([part.labels for _, part in parts]),
        "domains": torch.cat([torch.full_like(part.labels, index) for index, part in parts]),
    }
