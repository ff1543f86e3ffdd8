"""All of params.yaml, and what its sections ask of each other."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

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
from difflab.validation import refuse

JUDGES = {"judge-mnist", "judge-mnistm", "judge-svhn"}
NOT_OF_RECIPES = JUDGES | {"adapt", "autoencoder", "clip", "controlnet", "faces", "inversion"}  # folders of models/


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
    def _names_are_free(self) -> Self:
        taken = NOT_OF_RECIPES & self.recipes.keys()
        if taken:
            raise refuse("recipes", min(taken), "another name, because models/ has a folder of that name")
        return self

    @model_validator(mode="after")
    def _the_course_judge_has_its_size(self) -> Self:
        if self.judge.checkpoint and self.prepare.digit_size != 28:
            raise refuse("prepare.digit_size", self.prepare.digit_size, "28, because of judge.checkpoint")
        return self

    @model_validator(mode="after")
    def _concepts_are_new(self) -> Self:
        for name, concept in self.personalization.concepts.items():
            if concept.colour not in {None, *self.circles.held_out_colours}:
                allowed = f"null, or one of circles.held_out_colours: {', '.join(self.circles.held_out_colours)}"
                raise refuse(f"personalization.concepts.{name}.colour", concept.colour, allowed)
        return self

    @model_validator(mode="after")
    def _studies_have_their_recipes(self) -> Self:
        """Each study names recipes that are there and that it can be made of."""
        studies, recipes = self.studies, self.recipes
        conditional = [name for name, recipe in recipes.items() if recipe.condition]
        of_one_domain = [name for name, recipe in recipes.items() if len(recipe.data) == 1]
        unconditional = [name for name, recipe in recipes.items() if not recipe.condition]
        linear = [name for name in unconditional if recipes[name].schedule.name == "linear"]
        with_snapshots = [name for name in conditional if recipes[name].training.num_snapshots]
        for key, names, allowed in (
            ("fid.recipe", [studies.fid.recipe], linear),
            ("few_steps", list(studies.few_steps), of_one_domain),
            ("guidance.recipe", [studies.guidance.recipe], [name for name in of_one_domain if name in conditional]),
            ("training_gif.recipes", studies.training_gif.recipes, with_snapshots),
            ("unconditional", studies.unconditional, unconditional),
        ):
            for name in names:
                if name not in allowed:
                    raise refuse(f"studies.{key}", name, f"one of {', '.join(allowed) or 'no recipe'}")
        gif = studies.training_gif
        steps = [
            (f"few_steps.{name}", name, max(study.num_inference_steps)) for name, study in studies.few_steps.items()
        ]
        steps += [("guidance", studies.guidance.recipe, studies.guidance.num_inference_steps)]
        steps += [("training_gif", name, gif.num_inference_steps) for name in gif.recipes]
        for key, name, most in steps:
            trained = recipes[name].schedule.num_train_timesteps
            if most > trained:
                allowed = f"integers ≤ recipes.{name}.schedule.num_train_timesteps = {trained}"
                raise refuse(f"studies.{key}.num_inference_steps", most, allowed)
        return self

    @model_validator(mode="after")
    def _sizes_halve(self) -> Self:
        """Every level of a U-Net halves the image, and pixel-unshuffle divides it first."""
        models = {f"recipes.{name}": (recipe, "digit_size") for name, recipe in self.recipes.items()}
        for key, (model, size_key) in (models | {"faces": (self.faces, "face_size")}).items():
            size = getattr(self.prepare, size_key)
            factor = model.network.patch_size * 2 ** (len(model.network.block_out_channels) - 1)
            if size % factor:
                raise refuse(f"prepare.{size_key}", size, f"a multiple of {factor}, because of {key}.network")
        return self
