"""Sources and sizes of the data sets, and the rendered scenes of circles."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from difflab.config.base import Colors, NumImages, Probability, Section, Seed, Share, Text, require

FaceIdentity = Literal["prefix", "folder", "file"]


Source = Literal["embedded", "torchvision", "folder"]


class SourceParams(Section):
    """Where each data set comes from: installed packages, torchvision's files, or a folder of images."""

    mnist: Source = Field(description="gray digits")
    mnistm: Source = Field(description="digits on photographs")
    svhn: Source = Field(description="house numbers")
    usps: Source = Field(description="gray digits from envelopes")
    faces: Literal["embedded", "folder"] = Field(description="faces")


class EmbeddedParams(Section):
    """Sizes of the embedded data sets."""

    copies_per_digit: int = Field(ge=1, le=1000, description="slightly moved copies of each training digit of MNIST")
    street_numbers: int = Field(ge=100, le=1_000_000, description="rendered house-number crops in all splits together")


class DataParams(Section):
    """Sources of the data sets and their splits."""

    root: Text | None = Field(description="folder with real data; null: embedded data and downloads only")
    seed: Seed = Field(description="seed of the splits and of generated images")
    sources: SourceParams
    face_identity: FaceIdentity = Field(
        description="how a folder of faces tells persons apart; each person is in one split"
    )
    embedded: EmbeddedParams

    def check(self) -> None:
        for name, source in self.sources:
            photos = name == "mnistm" and source == "torchvision"  # built from MNIST and root/photos
            needed = source == "folder" or photos
            require(self.root is not None or not needed, "root", None, f"a folder, because sources.{name} is {source}")


class PrepareParams(Section):
    """Image sizes."""

    digit_size: int = Field(ge=8, le=256, multiple_of=2, description="pixels per side")
    face_size: int = Field(
        ge=12, le=1024, multiple_of=2, description="pixels per side, at least 12 because SSIM has a window of 11"
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
