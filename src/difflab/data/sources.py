"""The sources of the data sets, from `data.sets` of params.yaml."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from difflab.config.data import DataParams, SetParams
from difflab.data import arrays, embedded, folder, torchvision_files
from difflab.data.class_checks import require_classes, require_each_class
from difflab.data.classes import DIGITS
from difflab.data.dataset import ImageDataset
from difflab.data.splits import TRAIN, VALIDATION
from difflab.errors import DataError

DOWNLOADS = Path(".cache/downloads")  # root of downloaded data if data.root is null


def check(params: DataParams) -> dict[str, tuple[str, ...]]:
    """Check the user's data; return the class names of each data set, empty for one without classes.

    Opens no image files and downloads nothing. Raises DataError, naming the key, for data that are missing or unusable.
    """
    if params.root is not None and not Path(params.root).is_dir():
        raise DataError(f"data.root: found {params.root!r}, which is no folder, allowed: null, or a folder")
    classes: dict[str, tuple[str, ...]] = {}
    for name, one in params.sets.items():
        with _naming(name, one):
            classes[name] = _classes(name, one, params)
    return classes


def _classes(name: str, one: SetParams, params: DataParams) -> tuple[str, ...]:
    path, (kind, _, of) = path_of(name, params), one.source.partition("/")
    match kind:
        case "embedded":
            return DIGITS if one.persons is None else ()
        case "torchvision" | "blended":
            if kind == "blended":
                torchvision_files.check_blended(of, torchvision_root(params))
            elif params.root is not None:
                torchvision_files.check(of, torchvision_root(params))
            return torchvision_files.classes_of(of)
        case "npz":
            return arrays.array_classes(path, one)
        case "safetensors":
            dataset = ImageDataset.load(path)
            require_classes(path, dataset.classes)
            require_each_class(path, dataset.labels.numpy(), dataset.splits.numpy(), dataset.classes)
            return dataset.classes
        case "folder" if one.persons:
            folder.check_persons(path, one.persons)
            return ()
    return folder.list_classes(path, one, np.random.default_rng(params.seed)).classes


def counted(name: str, params: DataParams) -> tuple[int, int, tuple[str, ...]]:
    """The numbers of training and validation images of a data set, and its class names. Raises DataError."""
    one, path = params.sets[name], path_of(name, params)
    if one.source == "folder":
        listing = folder.list_classes(path, one, np.random.default_rng(params.seed))
        splits, classes = listing.splits, listing.classes
    else:
        dataset = read(name, params)
        splits, classes = dataset.splits.numpy(), dataset.classes
    train, validation = (int((splits == index).sum()) for index in (TRAIN, VALIDATION))
    return train, validation, classes


def require(params: DataParams) -> None:
    """Check all data sets and download missing ones if `root` is null. Raises DataError for one that is unavailable."""
    check(params)
    for name, one in params.sets.items():
        kind, _, of = one.source.partition("/")
        if kind == "torchvision" and params.root is None:
            with _naming(name, one):
                torchvision_files.download(of, torchvision_root(params))


def read(name: str, params: DataParams) -> ImageDataset:
    """Read or generate one data set; equal files and parameters give equal bytes. Raises DataError.

    All data sets use the same seed, so that a digit is in the same split of mnist and of mnistm.
    """
    one, generator = params.sets[name], np.random.default_rng(params.seed)
    path, validation, (kind, _, of) = path_of(name, params), one.validation, one.source.partition("/")
    with _naming(name, one):
        match kind:
            case "embedded":
                dataset = getattr(embedded, of)(params.embedded, generator)
            case "torchvision":
                dataset = torchvision_files.read(of, torchvision_root(params), generator, validation)
            case "blended":
                dataset = torchvision_files.read_blended(of, torchvision_root(params), generator, validation)
            case "npz":
                dataset = arrays.read_arrays(path, one, generator)
            case "safetensors":
                dataset = ImageDataset.load(path)
            case _ if one.persons:
                dataset = folder.read_persons(path, one.persons, generator)
            case _:
                dataset = folder.read_classes(path, one, generator)
    dataset.require(f"data.sets.{name}")
    return dataset


def path_of(name: str, params: DataParams) -> Path:
    """The folder or file of a data set whose source is a folder or a file."""
    return Path(params.root or ".", params.sets[name].path or name)


def torchvision_root(params: DataParams) -> Path:
    """The folder with torchvision/ and photos/: `data.root`, or DOWNLOADS if that is null."""
    return DOWNLOADS if params.root is None else Path(params.root)


@contextmanager
def _naming(name: str, one: SetParams) -> Iterator[None]:
    """Prefix any DataError with the key of the data set and its source."""
    try:
        yield
    except DataError as error:
        raise DataError(f"data.sets.{name}: {one.source}: {error}") from None
