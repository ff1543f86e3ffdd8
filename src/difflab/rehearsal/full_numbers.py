"""How many images a whole run trains on, as far as params.yaml and the user's folders tell without reading images."""

from __future__ import annotations

from pathlib import Path

from difflab.config.params import Params
from difflab.rehearsal.work import Numbers

OFFICIAL = {"mnist": 60000, "mnistm": 60000, "svhn": 73257, "usps": 7291}  # training images as published
OPTICAL = {"mnist": 1287, "mnistm": 1287, "usps": 510}  # of the digits embedded for them
CELEBA_HQ = 30000
PHOTOGRAPHS = 5  # of a concept whose folder is not there
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


def full_numbers(params: Params) -> Numbers:
    """A folder that is not there counts as the published data set, for faces as CelebA-HQ."""
    parts = {name: _digits(name, source, params) for name, source in params.data.sources if name != "faces"}
    train = {name: part[0] for name, part in parts.items()} | {"faces": _faces(params)}
    concept = next(iter(params.personalization.concepts.values()))
    if concept.color is not None:
        photographs = params.personalization.circles.num_images
    else:
        photographs = _files(Path(concept.images or "")) if concept.images else PHOTOGRAPHS
    return Numbers(train, {name: part[1] for name, part in parts.items()}, photographs or PHOTOGRAPHS)


def _digits(name: str, source: str, params: Params) -> tuple[int, int]:
    """Images for training and for validation."""
    if source == "embedded":
        embedded = params.data.embedded
        count = embedded.street_numbers if name == "svhn" else OPTICAL[name]
        copies = embedded.copies_per_digit if name in ("mnist", "mnistm") else 1
        return round(0.7 * count) * copies, round(0.1 * count)
    listed = Path(params.data.root or "", "digits", name, "train.csv")
    rows = len(listed.read_bytes().splitlines()) - 1 if source == "folder" and listed.is_file() else 0
    count = rows or OFFICIAL[name]
    return round(0.9 * count), round(0.1 * count)


def _faces(params: Params) -> int:
    if params.data.sources.faces == "embedded":
        return 80
    return round(0.8 * (_files(Path(params.data.root or "", "faces")) or CELEBA_HQ))


def _files(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
