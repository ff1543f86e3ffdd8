"""Concepts that a text-to-image model learns from a few images, and the prompts that name several of them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from difflab.config.section import EachOnce, NumImages, NumRuns, Pixels, Probability, Section, Seed, Text
from difflab.config.text_to_image import GuidedSamplingParams
from difflab.config.training import TrainingParams
from difflab.validation import refuse

Token = Annotated[str, Field(pattern=r"^<[a-z0-9-]+>$")]
Template = Annotated[str, Field(pattern=r"^[^{}]*\{token\}[^{}]*$")]
Prompts = Annotated[list[Text], Field(min_length=1), EachOnce]


class ConceptParams(Section):
    token: Token  # its name in prompts
    initializer: Text  # the word that its embedding starts from, and that stands for it where CLIP reads a prompt
    colour: str | None  # the concept is a circle of this colour, on several backgrounds; null: that of `images`
    images: Text | None  # folder of photographs

    @model_validator(mode="after")
    def _is_a_colour_or_images(self) -> Self:
        if self.colour is not None and self.images is not None:
            raise refuse("images", self.images, f"null, because colour is {self.colour}")
        return self


class ConceptCirclesParams(Section):
    seed: Seed
    num_images: NumImages
    size: Pixels  # pixels a side


class PriorParams(Section):
    """What the model draws before its training, and goes on to be trained on, so that it still draws it afterwards."""

    seed: Seed  # of the noise bank
    prompts: Prompts  # in turn
    num_images: NumImages


class CustomDiffusionParams(Section):
    prior: PriorParams
    training: TrainingParams


class PresenceParams(Section):
    max_delta_e: Annotated[float, Field(gt=0, le=100)]  # CIEDE2000 between a pixel and the concept's colour
    min_share: Probability  # of an image's pixels so near to it


class MultiConceptParams(Section):
    prompts: Prompts  # with tokens, or with {first} and {second} in place of those of each pair of concepts
    num_images: NumImages  # of each prompt, method and run
    presence: PresenceParams


ConceptName = Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
Templates = Annotated[list[Template], Field(min_length=1), EachOnce]
Concepts = Annotated[dict[ConceptName, ConceptParams], Field(min_length=1)]


class PersonalizationParams(Section):
    input: Text | None  # an input.json of the course; its images and prompts count in place of those below
    concepts: Concepts
    num_runs: NumRuns  # of each method, with the seeds training.seed, training.seed + 1, …
    circles: ConceptCirclesParams  # the images of a concept that is a colour
    templates: Templates  # captions of a concept's images in training
    inversion: TrainingParams
    custom_diffusion: CustomDiffusionParams
    sampling: GuidedSamplingParams
    multi_concept: MultiConceptParams

    @model_validator(mode="after")
    def _concepts_have_images(self) -> Self:
        for name, concept in self.concepts.items():
            if self.input is None and concept.colour is None and concept.images is None:
                raise refuse(f"concepts.{name}.images", None, "a folder, because colour and input are null")
            if self.input is not None and (concept.colour or concept.images):
                key = "colour" if concept.colour else "images"
                raise refuse(f"concepts.{name}.{key}", getattr(concept, key), "null, because input names the images")
        return self

    @model_validator(mode="after")
    def _tokens_differ(self) -> Self:
        tokens = [concept.token for concept in self.concepts.values()]
        for name, concept in self.concepts.items():
            if tokens.count(concept.token) > 1:
                raise refuse(f"concepts.{name}.token", concept.token, "a token that no other concept has")
        return self
