"""Where each data set comes from: `data.sources` of params.yaml."""

from pathlib import Path

import numpy as np

from difflab.config.data import DataParams
from difflab.data import embedded, folder, torchvision_files
from difflab.data.dataset import ImageDataset
from difflab.errors import DataError

DATASETS = ("mnist", "mnistm", "svhn", "usps", "faces")
DOWNLOADS = Path(".cache/downloads")  # the root of downloaded data, when the user has none


def check(params: DataParams) -> None:
    """Raises DataError, with the key, for a data set of the user's that is not there; those to download are left."""
    if params.root is not None and not _root(params).is_dir():
        raise DataError(f"data.root: found {params.root!r}, which is no folder, allowed: null, or a folder")
    for name, source in params.sources:
        try:
            if source == "folder":
                folder.check(name, _root(params), params.face_identity)
            elif source == "torchvision" and params.root is not None:
                torchvision_files.check(name, _root(params))
        except DataError as error:
            raise DataError(f"data.sources.{name}: {source}: {error}") from None


def require(params: DataParams) -> None:
    """Make sure that all data sets are there, downloading what has to be. Raises DataError for one that is not."""
    check(params)
    for name, source in params.sources:
        if source == "torchvision" and params.root is None:
            torchvision_files.download(name, _root(params))


def read(name: str, params: DataParams) -> ImageDataset:
    """Read or make one data set; equal files and params give equal bytes. Raises DataError.

    Every data set starts from the same seed, so that mnist and mnistm put a digit into the same split.
    """
    generator = np.random.default_rng(params.seed)
    match getattr(params.sources, name):
        case "embedded":
            dataset = getattr(embedded, name)(params.embedded, generator)
        case "folder":
            dataset = folder.read(name, _root(params), params.face_identity, generator)
        case "torchvision":
            dataset = torchvision_files.read(name, _root(params), generator)
    dataset.require(f"data.sources.{name}")
    return dataset


def _root(params: DataParams) -> Path:
    return DOWNLOADS if params.root is None else Path(params.root)
