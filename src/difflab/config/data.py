"""Sources and sizes of the data sets, and the rendered scenes of circles."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from difflab.config.base import Colors, NumImages, Probability, Section, Seed, Share, Text, require

FaceIdentity = Literal["prefix", "folder", "file"]


Source = Literal["embedded", "torchvision", "folder"]


class SourceParams(Section):
    mnist: Source
    mnistm: Source
    svhn: Source
    usps: Source
    faces: Literal["embedded", "folder"]


class EmbeddedParams(Section):
    copies_per_digit: int = Field(ge=1, le=1000, description="slightly moved copies of each training digit of MNIST")
    street_numbers: int = Field(ge=100, le=1_000_000, description="rendered house-number crops, all splits together")


class DataParams(Section):
    root: Text | None = Field(description="folder with real data; null: embedded data and downloads only")
    seed: Seed
    sources: SourceParams
    face_identity: FaceIdentity = Field(description="how a folder of faces names persons; each person is in one split")
    embedded: EmbeddedParams

    def check(self) -> None:
        for name, source in self.sources:
            photos = name == "mnistm" and source == "torchvision"  # built from MNIST and root/photos
            needed = source == "folder" or photos
            require(self.root is not None or not needed, "root", None, f"a folder, because sources.{name} is {source}")


class PrepareParams(Section):
    digit_size: int = Field(ge=8, le=256, multiple_of=2, description="pixels per side")
    face_size: int = Field(ge=12, le=1024, multiple_of=2, description="pixels per side; SSIM needs a window of 11")


class CirclesParams(Section):
    seed: Seed
    num_train: NumImages = Field(description="training scenes")
    num_validation: NumImages = Field(description="held-out scenes")
    two_circles: Probability = Field(description="share of scenes with a second circle")
    colors: Annotated[Colors, Field(min_length=4)] = Field(description="CSS color names, split into words")
    held_out_colors: Colors = Field(description="colors in no scene and no caption: new concepts to learn")
    unseen_pairs: Share = Field(description="share of color pairs that only validation has")
    min_contrast: float = Field(ge=0, le=100, description="CIEDE2000 difference of colors that touch in a scene")

    def check(self) -> None:
        both = sorted(set(self.held_out_colors) & set(self.colors))
        require(not both, "held_out_colors", "".join(both[:1]), "colors that circles.colors does not name")
