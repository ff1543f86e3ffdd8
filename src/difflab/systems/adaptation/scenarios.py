"""Source and target domain of a scenario, and the methods to compare."""

from pathlib import Path
from typing import Any

from safetensors import safe_open
from torch import Tensor

from difflab.config.training import Method
from difflab.data.classes import DIGITS
from difflab.data.dataset import SPLITS, ImageDataset, Split
from difflab.errors import DataError, reading

METHODS: tuple[Method, ...] = ("source-only", "dann", "dann-mcc", "target-only")
MIN_IMAGES = 10  # in every split


def domains_of(scenario: str) -> tuple[str, str]:
    """The names of the source and target domain."""
    source, target = scenario.split("-")
    return source, target


def files_of(scenario: str) -> tuple[Path, Path]:
    """The data files of source and target, which the stage `scenario` writes."""
    source, target = (Path(f"prepared/scenarios/{scenario}/{domain}.safetensors") for domain in domains_of(scenario))
    return source, target


def prepared(domain: str) -> Path:
    """The prepared data file of a domain."""
    return Path(f"prepared/sets/{domain}.safetensors")


def describe_scenario(scenario: str, batch_size: int) -> dict[str, Any]:
    """Description of both domains and their classes, for prepared/scenarios/SCENARIO/scenario.json.

    Raises DataError when a data set is missing or has too few images for batches of `batch_size` or for evaluation, or
    when the domains differ in their classes or image sizes.
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
    """The class names of both domains, which are the same (see `describe_scenario`). Raises DataError."""
    return ImageDataset.load(files_of(scenario)[0], []).classes


def load_images(path: str | Path, split: Split) -> Tensor:
    """The images of one split, without labels: (N, 3, S, S) uint8.

    Raises DataError when the file is missing or cannot be read.
    """
    with reading(path, kind=DataError), safe_open(path, framework="pt") as file:
        return file.get_tensor("images")[file.get_tensor("splits") == SPLITS.index(split)]


def held_out(path: Path) -> ImageDataset:
    """The validation and test images of a data set, which are not used for training or model selection.

    Raises DataError when the file is missing or cannot be read.
    """
    return ImageDataset.load(path).held_out()
