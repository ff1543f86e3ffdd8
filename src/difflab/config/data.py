"""Where images come from, and how large they are."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from difflab.config.section import Section, Seed, Text
from difflab.validation import refuse


class SourceParams(Section):
    mnist: Literal["embedded", "torchvision", "folder"]
    mnistm: Literal["embedded", "torchvision", "folder"]
    svhn: Literal["embedded", "torchvision", "folder"]
    usps: Literal["embedded", "torchvision", "folder"]
    faces: Literal["embedded", "folder"]


FaceIdentity = Literal["prefix", "folder", "file"]


class EmbeddedParams(Section):
    copies_per_digit: Annotated[
        int, Field(ge=1, le=1000)
    ]  # MNIST and MNIST-M stand-ins: each training digit, slightly moved
    street_numbers: Annotated[int, Field(ge=100, le=1_000_000)]  # rendered house-number crops, all splits together


class DataParams(Section):
    root: Text | None  # folder with real data; null: only embedded data and downloads
    seed: Seed
    sources: SourceParams
    face_identity: FaceIdentity  # what tells persons apart, each in one split, in the faces of a folder
    embedded: EmbeddedParams

    @model_validator(mode="after")
    def _folder_needs_root(self) -> Self:
        for name, source in self.sources:
            photos = name == "mnistm" and source == "torchvision"  # built from MNIST and root/photos
            if self.root is None and (source == "folder" or photos):
                raise refuse("root", None, f"a folder, because sources.{name} is {source}")
        return self


class PrepareParams(Section):
    digit_size: Annotated[int, Field(ge=8, le=256, multiple_of=2)]  # pixels a side
    face_size: Annotated[int, Field(ge=12, le=1024, multiple_of=2)]  # SSIM needs a window of 11
