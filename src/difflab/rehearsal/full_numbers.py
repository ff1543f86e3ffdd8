"""The number of training images of a full run, from params.yaml and file listings, without reading images."""

from __future__ import annotations

from pathlib import Path

from difflab.config.data import SetParams
from difflab.config.params import Params
from difflab.config.personalization import PersonalizationParams
from difflab.data.captioned_images import read_captioned_images
from difflab.data.classes import DIGITS, as_names
from difflab.data.sources import counted, path_of
from difflab.data.torchvision_files import classes_of as torchvision_classes
from difflab.errors import DataError
from difflab.rehearsal.work import Numbers

# Training images of published data sets; others count as MNIST.
OFFICIAL = {"SVHN": 73257, "USPS": 7291, "CIFAR10": 50000, "EMNIST-balanced": 112800, "EMNIST-letters": 124800}
OFFICIAL |= {"EMNIST-byclass": 697932, "EMNIST-bymerge": 697932, "EMNIST-digits": 240000}
MNIST = 60000
OPTICAL = {"mnist": 1287, "mnistm": 1287, "usps": 510}  # of the embedded digits
CELEBA_HQ = 30000
PHOTOGRAPHS = 5  # of a concept whose folder is missing
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


def full_numbers(params: Params) -> Numbers:
    """The numbers of a full run. A missing folder counts as the published data set, for faces as CelebA-HQ."""
    sets = params.data.sets
    parts = {name: _labeled(name, one, params) for name, one in sets.items() if one.persons is None}
    train = {name: part[0] for name, part in parts.items()}
    train |= {name: _unlabeled(name, one, params) for name, one in sets.items() if one.persons is not None}
    classes = {name: part[2] for name, part in parts.items()}
    photographs = _photographs(params.personalization) if params.personalization else PHOTOGRAPHS
    own = params.text_to_image.images if params.text_to_image else None
    captioned = len(read_captioned_images(own.folder)) - own.num_validation if own and own.folder else 0
    return Numbers(train, {name: part[1] for name, part in parts.items()}, photographs, classes, captioned)


def _photographs(personalization: PersonalizationParams) -> int:
    concept = next(iter(personalization.concepts.values()))
    if concept.color is not None:
        return personalization.circles.num_images
    return (_files(Path(concept.images)) if concept.images else 0) or PHOTOGRAPHS


def _labeled(name: str, one: SetParams, params: Params) -> tuple[int, int, tuple[str, ...]]:
    """Number of training and validation images, and the names of the classes."""
    kind, _, of = one.source.partition("/")
    if kind == "embedded":
        embedded = params.data.embedded
        count = embedded.street_numbers if of == "svhn" else OPTICAL[of]
        copies = embedded.copies_per_digit if of in ("mnist", "mnistm") else 1
        return round(0.7 * count) * copies, round(0.1 * count), DIGITS
    if kind in ("torchvision", "blended"):
        count = OFFICIAL.get(of, MNIST)
        return round(0.9 * count), round(0.1 * count), torchvision_classes(of)
    try:
        return counted(name, params.data)
    except DataError:
        return round(0.9 * MNIST), round(0.1 * MNIST), tuple(as_names(one.classes or DIGITS))


def _unlabeled(name: str, one: SetParams, params: Params) -> int:
    if one.source == "embedded/faces":
        return 80
    return round(0.8 * (_files(path_of(name, params.data)) or CELEBA_HQ))


def _files(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
