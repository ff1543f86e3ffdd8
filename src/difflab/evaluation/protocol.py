"""The protocol of a metric: `difflab compare` does not compare numbers with different protocols."""

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
    """All that two values of a metric have to share to be comparable."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    num_generated: int
    num_reference: int
    num_floor: int  # held-out real images, compared with the reference as a baseline
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
    """A feature extractor, images (N, 3, S, S) uint8 to features (N, D) float, and its description for the protocol."""

    features_of: Callable[[Tensor], NDArray[np.floating]]
    name: str
    sha256: str
    resize: str


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
