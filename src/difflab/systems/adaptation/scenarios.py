"""Source and target domain of a scenario, and the methods that are compared."""

from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import Tensor

from difflab.config.training import Method
from difflab.data.classes import DIGITS
from difflab.data.dataset import SPLITS, ImageDataset, Split
from difflab.errors import DataError, reading

METHODS: tuple[Method, ...] = ("source-only", "dann", "dann-mcc", "target-only")
MIN_IMAGES = 10  # of every split


def domains_of(scenario: str) -> tuple[str, str]:
    """The names of source and target."""
    source, target = scenario.split("-")
    return source, target


def files_of(scenario: str) -> tuple[Path, Path]:
    """The data sets of source and target, as the stage `scenario` has copied them."""
    source, target = (Path(f"prepared/scenarios/{scenario}/{domain}.safetensors") for domain in domains_of(scenario))
    return source, target


def prepared(domain: str) -> Path:
    return Path(f"prepared/sets/{domain}.safetensors")


def describe_scenario(scenario: str, batch_size: int) -> dict[str, Any]:
    """What both domains are, and the classes that they share: for prepared/scenarios/SCENARIO/scenario.json.

    Raises DataError when a data set is missing, too small for batches of `batch_size` or for measuring, or when the
    domains differ in their classes or in the size of their images.
    """
    described = {domain: _describe(prepared(domain), batch_size) for domain in domains_of(scenario)}
    (source, ours), (target, theirs) = described.items()
    for key, name in (("classes", "classes"), ("shape", "images of")):
        if ours[key] != theirs[key]:
            found = f"{name} {_text(theirs[key])}"
            raise DataError(
                f"{prepared(target)}: found {found}, allowed: {_text(ours[key])}, as {prepared(source)} has"
            )
    return described


def _describe(path: Path, batch_size: int) -> dict[str, Any]:
    dataset = ImageDataset.load(path, [])
    counts = {split: len(dataset.part(split)) for split in SPLITS}
    for split, count in counts.items():
        least = max(MIN_IMAGES, batch_size) if split == "train" else MIN_IMAGES
        if count < least:
            reason = f"adaptation.training.batch_size = {batch_size}" if least == batch_size else f"{least}"
            raise DataError(f"{path}: found {count} {split} images, allowed: at least {reason}")
    found: list[int] = dataset.labels.unique().tolist()
    return {
        "data": dataset.description,
        "shape": list(dataset.images.shape[1:]),
        "classes": found if dataset.classes == DIGITS else [dataset.classes[label] for label in found],
        "num_images": counts,
    }


def _text(values: list[Any]) -> str:
    return " ".join(map(str, values))


def classes_of(scenario: str) -> tuple[str, ...]:
    """The names of all labels; both domains have the same, see `describe_scenario`. Raises DataError."""
    return ImageDataset.load(files_of(scenario)[0], []).classes


def load_images(path: str | Path, split: Split) -> Tensor:
    """(N, 3, S, S) uint8, the images of one split in their order; their labels are not read.

    Raises DataError when there is no such file.
    """
    with reading(path, kind=DataError), safe_open(path, framework="pt") as file:
        return file.get_tensor("images")[file.get_tensor("splits") == SPLITS.index(split)]


def held_out(path: Path) -> ImageDataset:
    """The images of a data set that nothing is trained on or chosen by: those of validation and test, in their order.

    Raises DataError.
    """
    return ImageDataset.load(path).held_out()
