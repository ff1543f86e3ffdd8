"""Sources and sizes of the data sets, and the rendered scenes of circles."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from difflab.config.base import (
    ClassName,
    Colors,
    Distinct,
    NumImages,
    Probability,
    Section,
    Seed,
    SetName,
    Share,
    Text,
    require,
)
from difflab.config.validation import refuse

FaceIdentity = Literal["prefix", "folder", "file"]
EMBEDDED = ("mnist", "mnistm", "svhn", "usps", "faces")
EMNIST = ("balanced", "byclass", "bymerge", "digits", "letters", "mnist")
TORCHVISION = (
    *("MNIST", "FashionMNIST", "KMNIST", "SVHN", "USPS", "CIFAR10"),
    *(f"EMNIST-{split}" for split in EMNIST),
)
BLENDED = ("MNIST", "FashionMNIST", "KMNIST", *(f"EMNIST-{split}" for split in EMNIST))  # of 28×28 gray pixels
SOURCES = {
    "embedded": EMBEDDED,
    "torchvision": TORCHVISION,
    "blended": BLENDED,
    "folder": (),
    "npz": (),
    "safetensors": (),
}


def _known_source(source: str) -> str:
    kind, _, name = source.partition("/")
    names = SOURCES.get(kind)
    if names is None or ("/" in source) != bool(names) or (names and name not in names):
        *kinds, last = [f"{kind}/NAME" if names else kind for kind, names in SOURCES.items()]
        allowed = f"{kind}/ and one of {', '.join(names)}" if names else f"{', '.join(kinds)} or {last}"
        raise refuse("", source, allowed)
    return source


class SetParams(Section):
    """One data set."""

    source: Annotated[str, AfterValidator(_known_source)] = Field(
        description="one of embedded/NAME, torchvision/CLASS, blended/CLASS (on photos), folder, npz, safetensors"
    )
    path: Text | None = Field(
        default=None, description="folder or file, relative to data.root; null: the name of the data set"
    )
    classes: Distinct[ClassName] | None = Field(
        default=None, description="for folders, the classes to use; for arrays, the names of labels 0, 1, …; null: all"
    )
    size: int | None = Field(
        default=None, ge=8, le=256, multiple_of=2, description="pixels per side; null: the size in prepare"
    )
    validation: Share = Field(default=0.1, description="share of each class for validation, of the training images")
    test: Share = Field(default=0.2, description="share of each class for testing, if the source has no test set")
    persons: FaceIdentity | None = Field(
        default=None, description="for data sets without classes: how file names identify persons; null: with classes"
    )

    def check(self) -> None:
        because = f"because source is {self.source}"
        named = self.source in ("folder", "npz", "safetensors")
        require(self.path is None or named, "path", self.path, f"null, {because}")
        faces = self.source == "embedded/faces"
        require(self.persons is not None or not faces, "persons", None, f"prefix, {because}")
        require(self.persons is None or faces or self.source == "folder", "persons", self.persons, f"null, {because}")
        given = self.source in ("folder", "npz") and self.persons is None
        require(self.classes is None or given, "classes", self.classes, f"null, {because}, or because of persons")
        require(self.validation + self.test < 1, "test", self.test, f"number < {1 - self.validation:g}")


class EmbeddedParams(Section):
    """Sizes of the embedded data sets."""

    copies_per_digit: int = Field(
        ge=1, le=1000, description="slightly distorted copies of each training digit of MNIST"
    )
    street_numbers: int = Field(ge=100, le=1_000_000, description="rendered house-number crops in all splits together")


class DataParams(Section):
    """The data sets and their splits."""

    root: Text | None = Field(description="folder with real data; null: the repository, and downloads in .cache/")
    seed: Seed = Field(description="seed of the splits and of generated images")
    sets: dict[SetName, SetParams] = Field(min_length=1, description="data sets by name (a to z, 0 to 9)")
    embedded: EmbeddedParams

    def check(self) -> None:
        for name, one in self.sets.items():
            needs = one.source.startswith("blended/")  # on the photographs of root/photos
            require(self.root is not None or not needs, "root", None, f"a folder, because sets.{name} is {one.source}")


class PrepareParams(Section):
    """Image sizes of data sets that do not set their own."""

    digit_size: int = Field(ge=8, le=256, multiple_of=2, description="pixels per side of data sets with classes")
    face_size: int = Field(
        ge=12,
        le=1024,
        multiple_of=2,
        description="pixels per side of the faces, at least 12 because SSIM has a window of 11",
    )


class CirclesParams(Section):
    """Captioned scenes of one or two circles, for CLIP, text to image, ControlNet and personalization."""

    seed: Seed = Field(description="seed of the scenes; scene i depends on (seed, i) alone")
    num_train: NumImages = Field(description="training scenes")
    num_validation: NumImages = Field(description="held-out scenes")
    two_circles: Probability = Field(description="share of scenes with a second circle")
    colors: Annotated[Colors, Field(min_length=4)] = Field(description="CSS color names, split into words")
    held_out_colors: Colors = Field(description="colors in no scene and no caption: new concepts to learn")
    unseen_pairs: Share = Field(description="share of color pairs that only the validation scenes have")
    min_contrast: float = Field(ge=0, le=100, description="smallest CIEDE2000 between colors that touch in a scene")

    def check(self) -> None:
        both = sorted(set(self.held_out_colors) & set(self.colors))
        require(not both, "held_out_colors", "".join(both[:1]), "colors that circles.colors does not name")
