"""All of params.yaml."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from difflab.config.across import CHECKS
from difflab.config.adaptation import AdaptationParams
from difflab.config.circles import CirclesParams
from difflab.config.clip import ClipParams, ZeroShotParams
from difflab.config.controlnet import ControlNetParams
from difflab.config.data import DataParams, PrepareParams
from difflab.config.faces import FacesParams
from difflab.config.personalization import PersonalizationParams
from difflab.config.recipes import RecipeParams
from difflab.config.section import Section
from difflab.config.studies import EvaluationParams, StudiesParams
from difflab.config.text_to_image import TextToImageParams
from difflab.config.training import ComputeParams, JudgeParams


class Params(Section):
    compute: ComputeParams
    data: DataParams
    prepare: PrepareParams
    judge: JudgeParams
    evaluation: EvaluationParams
    recipes: Annotated[dict[Annotated[str, Field(pattern=r"^[a-z0-9-]+$")], RecipeParams], Field(min_length=1)]
    faces: FacesParams
    circles: CirclesParams
    clip: ClipParams
    zero_shot: ZeroShotParams
    text_to_image: TextToImageParams
    controlnet: ControlNetParams
    personalization: PersonalizationParams
    studies: StudiesParams
    adaptation: AdaptationParams

    @model_validator(mode="after")
    def _sections_fit_together(self) -> Self:
        for check in CHECKS:
            check(self)
        return self
