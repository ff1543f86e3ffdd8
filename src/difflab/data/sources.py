"""Where each data set comes from: `data.sources` of params.yaml."""

from __future__ import annotations

import numpy as np

from difflab.data import embedded
from difflab.data.dataset import ImageDataset
from difflab.params import DataParams

DATASETS = ("mnist", "mnistm", "svhn", "usps", "faces")


def read(name: str, params: DataParams) -> ImageDataset:
    """Read or make one data set; equal params give equal bytes. Raises DataError."""
    generator = np.random.default_rng(params.seed)
    return getattr(embedded, name)(params.embedded, generator)
