"""All of params.yaml."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from difflab.params.across import CHECKS
from difflab.params.adaptation import AdaptationParams
from difflab.params.circles import CirclesParams
from difflab.params.clip import ClipParams, ZeroShotParams
from difflab.params.controlnet import ControlNetParams
from difflab.params.data import DataParams, PrepareParams
from difflab.params.faces import FacesParams
from difflab.params.personalization import PersonalizationParams
from difflab.params.recipes import RecipeParams
from difflab.params.section import Section
from difflab.params.studies import EvaluationParams, StudiesParams
from difflab.params.text_to_image import TextToImageParams
from difflab.params.training import ComputeParams, JudgeParams


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
