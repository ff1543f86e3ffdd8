"""Types shared by the sections of params.yaml; every number has bounds."""

from __future__ import annotations

import json
import math
from difflib import get_close_matches
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from difflab.config.validation import UNKNOWN, refuse, section_of


def _each_once(values: list[Any]) -> list[Any]:
    """Refuse repeated values and numbers equal to six digits, because values become keys, file names and rows."""
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
    """Refuse −0.0: some numbers become file names, and files for 0.0 are looked up."""
    if math.copysign(1, value) < 0:
        raise refuse("", value, "0.0 in place of -0.0")
    return value


def _one_line(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise refuse("", value, "one line of text, not empty")
    return value


def _class_name(name: str | int) -> str | int:
    text = str(name)
    if not (text.isprintable() and text == text.strip() and 0 < len(text) <= 100):
        raise refuse("", name, "a name of 1 to 100 characters, without spaces around it")
    return name


def _known_to_css(name: str) -> str:
    from PIL.ImageColor import colormap

    if name.replace(" ", "") not in colormap:
        raise refuse("", name, "a CSS color name, split into words, such as light coral")
    return name


def _of_different_colors(colors: list[str]) -> list[str]:
    """Refuse two names of the same color."""
    from PIL.ImageColor import getrgb

    seen: dict[tuple[int, ...], str] = {}
    for name in colors:
        if (value := getrgb(name.replace(" ", ""))) in seen:
            raise refuse("", name, f"another name, because it is the color of {seen[value]}")
        seen[value] = name
    return colors


T = TypeVar("T")
EachOnce = AfterValidator(_each_once)
Distinct = Annotated[list[T], Field(min_length=1), EachOnce]  # values that become keys, file names or rows

# Kept in memory: a million 32×32 RGB images are 3 GB.
NumImages = Annotated[int, Field(ge=1, le=1_000_000)]
BatchSize = Annotated[int, Field(ge=1, le=100_000)]
NumRuns = Annotated[int, Field(ge=1, le=1000)]
NumSteps = Annotated[int, Field(ge=1, le=1_000_000_000)]  # of a training; an interval beyond the last step means never
NumTimesteps = Annotated[int, Field(ge=1, le=4000)]
# Four times the widest and deepest networks of Stable Diffusion XL and CLIP ViT-bigG.
Width = Annotated[int, Field(ge=1, le=8192)]
Depth = Annotated[int, Field(ge=1, le=200)]
Widths = Annotated[list[Width], Field(min_length=1, max_length=10)]
Pixels = Annotated[int, Field(ge=1, le=1024)]  # per side
NonNegative = Annotated[float, Field(ge=0, le=1000), AfterValidator(_has_one_zero)]
Probability = Annotated[float, Field(ge=0, le=1), AfterValidator(_has_one_zero)]
Share = Annotated[float, Field(gt=0, lt=1)]
GuidanceScale = Annotated[float, Field(ge=1, le=1000)]  # s of s ε(x,c) − (s−1) ε(x,∅)
# Part of file names, and of SOURCE-TARGET and DATASET_CLASS, which are split again.
SetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*$")]
ClassNumber = Annotated[int, Field(ge=0, le=1_000_000)]  # YAML reads the class named 7 as a number
ClassName = Annotated[str | ClassNumber, AfterValidator(_class_name)]
Text = Annotated[str, AfterValidator(_one_line)]
ColorName = Annotated[str, AfterValidator(_known_to_css)]
Colors = Annotated[list[ColorName], AfterValidator(_of_different_colors)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


def require(holds: bool, key: str, found: Any, allowed: str) -> None:
    """Refuse `found` at `key`, relative to the section, unless `holds`."""
    if not holds:
        raise refuse(key, found, allowed)


class Section(BaseModel):
    """A section of params.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        names = list(cls.model_fields)
        for key in section_of(value):
            if key not in names:
                raise refuse(str(key), UNKNOWN, ", ".join(get_close_matches(str(key), names) or names))
        return value

    @model_validator(mode="after")
    def _checked(self) -> Self:
        self.check()
        return self

    def check(self) -> None:
        """Check the keys of this section against each other."""
