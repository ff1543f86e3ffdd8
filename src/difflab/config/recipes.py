"""The digit recipes: one diffusion each."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from difflab.config.diffusion import Diffusion, SamplerParams
from difflab.config.section import Digit, Domain, EachOnce, GuidanceScale, Probability, Section, Width
from difflab.validation import refuse


class ConditionParams(Section):
    kind: Literal["digit_and_domain", "class_embedding", "one_hot"]
    digit_dim: Width | None  # digit_and_domain only
    domain_dim: Width | None
    drop_probability: Probability  # of training without the condition, for classifier-free guidance

    @model_validator(mode="after")
    def _sizes_belong_to_digit_and_domain(self) -> Self:
        for key, size in (("digit_dim", self.digit_dim), ("domain_dim", self.domain_dim)):
            if (size is None) == (self.kind == "digit_and_domain"):
                allowed = "integer ≥ 1" if size is None else "null"
                raise refuse(key, size, f"{allowed}, because kind is {self.kind}")
        return self


class RecipeSamplingParams(SamplerParams):
    eta: Probability
    guidance_scale: GuidanceScale | None  # s of s ε(x,c) − (s−1) ε(x,∅); null without a condition
    images_per_digit: Annotated[int, Field(ge=10, le=100_000)]  # the grid shows 10; unconditional: ten times as many
    trace_steps: Annotated[int, Field(ge=2, le=4001)]  # images of the reverse process, both ends included

    @model_validator(mode="after")
    def _only_ddim_has_eta(self) -> Self:
        if self.eta and self.sampler != "ddim":
            raise refuse("eta", self.eta, f"0, because sampler is {self.sampler}")
        return self

    @model_validator(mode="after")
    def _trace_has_steps(self) -> Self:
        if self.trace_steps > self.num_inference_steps + 1:
            raise refuse(
                "trace_steps", self.trace_steps, f"integer ≤ num_inference_steps + 1 = {self.num_inference_steps + 1}"
            )
        return self


# The digits that a recipe learns from each domain.
RecipeData = Annotated[dict[Domain, Annotated[list[Digit], Field(min_length=1), EachOnce]], Field(min_length=1)]


class RecipeParams(Diffusion):
    data: RecipeData
    hold_out_validation: bool  # keep the validation split out of training and log its loss after each epoch
    condition: ConditionParams | None
    sampling: RecipeSamplingParams

    @model_validator(mode="after")
    def _guidance_needs_a_condition(self) -> Self:
        scale = self.sampling.guidance_scale
        if (scale is None) != (self.condition is None):
            allowed = "null, because condition is null" if self.condition is None else "number ≥ 1"
            raise refuse("sampling.guidance_scale", scale, allowed)
        return self

    @model_validator(mode="after")
    def _only_an_unconditional_recipe_takes_one_domain_whole(self) -> Self:
        if self.condition is None and [sorted(digits) for digits in self.data.values()] != [list(range(10))]:
            raise refuse("data", self.data, "all ten digits of one domain, because condition is null")
        if self.condition and self.condition.kind == "class_embedding" and len(self.data) > 1:
            raise refuse("data", self.data, "one domain, because condition.kind is class_embedding")
        return self
