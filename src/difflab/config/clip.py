"""CLIP, and what it is asked without having been taught it."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from difflab.config.section import Depth, Pixels, Section, Seed, Share, Text, Width
from difflab.config.training import TrainingParams
from difflab.validation import refuse


class ClipNetworkParams(Section):
    image_size: Pixels
    patch_size: Pixels
    text_length: Annotated[int, Field(ge=3, le=1024)]  # tokens of a prompt at most, begin and end included
    vision_layers: Depth
    text_layers: Depth
    hidden_size: Width
    num_attention_heads: Width
    projection_dim: Width

    @model_validator(mode="after")
    def _sizes_divide(self) -> Self:
        for key, whole in (("patch_size", "image_size"), ("num_attention_heads", "hidden_size")):
            if getattr(self, whole) % getattr(self, key):
                raise refuse(key, getattr(self, key), f"a divisor of {whole} {getattr(self, whole)}")
        return self


class ColouredDigitsParams(Section):
    seed: Seed
    unseen_pairs: Share  # the share of pairs of colour and digit kept from training


class ClipParams(Section):
    pretrained: Text | None  # null: train the small model below; else a folder or hub id of a CLIP
    digits: ColouredDigitsParams
    network: ClipNetworkParams
    training: TrainingParams


def _names_the_object(template: str) -> str:
    if template.count("{object}") != 1:
        raise refuse("", template, "text with {object} in it once, such as A photo of a {object}.")
    return template


class UnseenImagesParams(Section):
    seed: Seed
    images_per_class: Annotated[int, Field(ge=1, le=10_000)]


Template = Annotated[str, AfterValidator(_names_the_object)]


class ZeroShotParams(Section):
    images: Text | None  # folder with id2label.json and val/{class}_{index}.png; null: those of unseen
    template: Template  # of the prompt for a class
    unseen: UnseenImagesParams  # images that are drawn of what training never saw
