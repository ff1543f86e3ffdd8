"""Personalization: textual inversion and Custom Diffusion."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from difflab.config.base import Distinct, NumImages, NumRuns, Pixels, Probability, Section, Seed, Text, require
from difflab.config.language import GuidedSamplingParams, Scenes
from difflab.config.training import TrainingParams

Token = Annotated[str, Field(pattern=r"^<[a-z0-9-]+>$")]
Templates = Distinct[Annotated[str, Field(pattern=r"^[^{}]*\{token\}[^{}]*$")]]
Prompts = Distinct[Text]


class ConceptParams(Section):
    """A new concept for the text-to-image model."""

    token: Token = Field(description="token that stands for the concept in prompts")
    initializer: Text = Field(description="word whose embedding the token starts from")
    color: str | None = Field(default=None, description="color of the circle that the concept is; null: photographs")
    images: Text | None = Field(default=None, description="folder of photographs")

    def check(self) -> None:
        one = self.color is None or self.images is None
        require(one, "images", self.images, f"null, because color is {self.color}")


Concepts = Annotated[dict[Annotated[str, Field(pattern=r"^[a-z0-9-]+$")], ConceptParams], Field(min_length=1)]


class ConceptCirclesParams(Section):
    """Rendered images of a concept that is a color."""

    seed: Seed = Field(description="seed of the scenes")
    num_images: NumImages = Field(description="images for each concept")
    size: Pixels = Field(description="pixels per side")


class PriorParams(Section):
    """Images that the model generates before training and is also trained on, to preserve its prior knowledge."""

    seed: Seed = Field(description="seed of the noise bank")
    prompts: Prompts = Field(description="prompts for the images, in turn")
    num_images: NumImages = Field(description="images for all prompts together")


class CustomDiffusionParams(Section):
    """Custom Diffusion (Kumari et al. 2022)."""

    prior: PriorParams
    training: TrainingParams


class PresenceParams(Section):
    """When an image counts as showing a concept that is a color."""

    max_delta_e: float = Field(gt=0, le=100, description="largest CIEDE2000 between a pixel and the concept's color")
    min_share: Probability = Field(description="smallest share of an image's pixels with that color")


class MultiConceptParams(Section):
    """Samples of prompts that name concepts, by both methods."""

    prompts: Prompts = Field(description="prompts with tokens, or with {first} and {second} for each pair of concepts")
    num_images: NumImages = Field(description="images for each prompt, method and run")
    presence: PresenceParams


class PersonalizationParams(Section):
    """Textual inversion and Custom Diffusion: new concepts from a few images each."""

    data: Scenes = Field(description="what the text-to-image model has learned: circles, and all")
    input: Text | None = Field(description="input.json of the course, with images and prompts; null: those below")
    concepts: Concepts = Field(description="concepts by name")
    num_runs: NumRuns = Field(description="runs of each method, with the training seeds seed, seed + 1, …")
    circles: ConceptCirclesParams
    templates: Templates = Field(description="captions of a concept's images in training")
    inversion: TrainingParams
    custom_diffusion: CustomDiffusionParams
    sampling: GuidedSamplingParams
    multi_concept: MultiConceptParams

    def check(self) -> None:
        tokens = [concept.token for concept in self.concepts.values()]
        for name, concept in self.concepts.items():
            here, own = f"concepts.{name}", concept.color or concept.images
            if self.input is None:
                require(own is not None, f"{here}.images", None, "a folder, because color and input are null")
            else:
                key = "color" if concept.color else "images"
                require(own is None, f"{here}.{key}", own, "null, because input names the images")
            once = tokens.count(concept.token) == 1
            require(once, f"{here}.token", concept.token, "a token that no other concept has")
