"""How a metric was taken; `difflab compare` refuses numbers of unlike protocols."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor


class Protocol(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    num_generated: int
    num_reference: int
    num_floor: int  # real images held against the reference in place of generated ones
    reference: str
    reference_sha256: str  # of the prepared data file
    extractor: str
    extractor_sha256: str
    resize: str  # between the images and the extractor
    image_size: int
    evaluation_seed: int
    noise_bank_seed: int | list[int]
    nearest_k: int
    num_resamples: int


@dataclass(frozen=True)
class Extractor:
    """What makes features (N, D) float of images (N, 3, S, S) uint8, and what a protocol says of it."""

    features_of: Callable[[Tensor], NDArray[np.floating]]
    name: str
    sha256: str
    resize: str


def sha256_of(path: str | Path) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
