"""Domain adaptation: a digit classifier taken from a source domain to a target domain."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from difflab.config.section import EachOnce, NonNegative, Section, Seed, Width
from difflab.config.training import TrainingParams
from difflab.validation import refuse

# SOURCE-TARGET, each of them a data set of prepared/.
Scenario = Annotated[str, Field(pattern=r"^(mnist|mnistm|svhn|usps)-(mnist|mnistm|svhn|usps)$")]
Method = Literal["source-only", "dann", "dann-mcc", "target-only"]


class ClassifierParams(Section):
    channels: Annotated[list[Width], Field(min_length=1, max_length=3)]  # of convolutions, each halves the image
    num_features: Width  # what both heads read
    domain_head_width: Width


class ConfusionParams(Section):
    weight: NonNegative
    temperature: Annotated[float, Field(ge=0.01, le=1000)]


class MethodParams(Section):
    max_lambda: NonNegative | None  # of the reversed gradient of the domain head, at the end; null: no domain head
    confusion: ConfusionParams | None  # minimum class confusion on the target; null: none


class TsneParams(Section):
    seed: Seed
    perplexity: Annotated[float, Field(ge=1, le=10_000)]
    num_images: Annotated[int, Field(ge=10, le=100_000)]  # of each domain, at most

    @model_validator(mode="after")
    def _there_are_more_images_than_neighbours(self) -> Self:
        if self.perplexity >= 2 * self.num_images:
            raise refuse("perplexity", self.perplexity, f"number < {2 * self.num_images}, twice num_images")
        return self


class AdaptationParams(Section):
    scenarios: Annotated[list[Scenario], Field(min_length=1), EachOnce]
    methods: dict[Method, MethodParams]
    num_runs: Annotated[int, Field(ge=2, le=1000)]  # of each method, with the seeds training.seed, training.seed + 1, …
    network: ClassifierParams
    training: TrainingParams
    tsne: TsneParams

    @model_validator(mode="after")
    def _scenarios_lead_somewhere_else(self) -> Self:
        for scenario in self.scenarios:
            source, target = scenario.split("-")
            if source == target:
                raise refuse("scenarios", scenario, "two different domains")
        return self

    @model_validator(mode="after")
    def _methods_are_what_they_are_called(self) -> Self:
        if missing := [method for method in get_args(Method) if method not in self.methods]:
            raise refuse("methods", list(self.methods), f"also {', '.join(missing)}")
        for name, method in self.methods.items():
            for key, needed_by in (("max_lambda", ("dann", "dann-mcc")), ("confusion", ("dann-mcc",))):
                found, needed = getattr(method, key), name in needed_by
                if (found is not None) != needed:
                    raise refuse(f"methods.{name}.{key}", found, "a value" if needed else "null")
        return self

    @model_validator(mode="after")
    def _heads_are_not_clipped_together(self) -> Self:
        """The norm of all gradients would let the domain head slow the label head down, even with λ = 0."""
        if self.training.max_grad_norm is not None:
            raise refuse("training.max_grad_norm", self.training.max_grad_norm, "null")
        return self

    @model_validator(mode="after")
    def _there_are_snapshots_to_choose_from(self) -> Self:
        if self.training.num_snapshots < 1:
            raise refuse("training.num_snapshots", self.training.num_snapshots, "integer ≥ 1, to choose from")
        return self
