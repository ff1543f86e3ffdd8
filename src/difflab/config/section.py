"""What all sections of params.yaml are made of; every number has a smallest and a largest value."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from difflab.validation import refuse


def _each_once(values: list[Any]) -> list[Any]:
    """Refuse a value that stands twice, or two numbers of one name: keys, files and rows have six digits of them."""
    names: dict[Any, Any] = {}
    for value in values:
        name = f"{value:g}" if isinstance(value, float) else value
        if name in names:
            first, second = (json.dumps(found, ensure_ascii=False) for found in (names[name], value))
            twice = f"{second} twice" if first == second else f"{first} and {second}, which have one name"
            raise refuse("", values, f"different values, not {twice}")
        names[name] = value
    return values


def _has_one_zero(value: float) -> float:
    """Refuse −0.0: files are named after some numbers, and those of 0.0 are looked for."""
    if math.copysign(1, value) < 0:
        raise refuse("", value, "0.0 in place of -0.0")
    return value


def _one_line(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise refuse("", value, "one line of text, not empty")
    return value


EachOnce = AfterValidator(_each_once)  # of a list whose values become keys, file names or rows

# Kept in memory: a million images of 32×32 in colour are 3 GB.
NumImages = Annotated[int, Field(ge=1, le=1_000_000)]
BatchSize = Annotated[int, Field(ge=1, le=100_000)]
NumRuns = Annotated[int, Field(ge=1, le=1000)]
NumSteps = Annotated[int, Field(ge=1, le=1_000_000_000)]  # of a training; more than there are stands for never
NumTimesteps = Annotated[int, Field(ge=1, le=4000)]
# Of networks: four times the widest and deepest of Stable Diffusion XL and of CLIP ViT-bigG.
Width = Annotated[int, Field(ge=1, le=8192)]
Depth = Annotated[int, Field(ge=1, le=200)]
Widths = Annotated[list[Width], Field(min_length=1, max_length=10)]
Pixels = Annotated[int, Field(ge=1, le=1024)]  # a side
NonNegative = Annotated[float, Field(ge=0, le=1000), AfterValidator(_has_one_zero)]
Probability = Annotated[float, Field(ge=0, le=1), AfterValidator(_has_one_zero)]
Share = Annotated[float, Field(gt=0, lt=1)]
GuidanceScale = Annotated[float, Field(ge=1, le=1000)]  # s of s ε(x,c) − (s−1) ε(x,∅)
Digit = Annotated[int, Field(ge=0, le=9)]
Text = Annotated[str, AfterValidator(_one_line)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Domain = Literal["mnist", "mnistm", "svhn"]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
