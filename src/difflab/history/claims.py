"""claims.yaml: what each system is said to show, as inequalities over the numbers of metrics/*.json."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from difflab.config.load import read_yaml
from difflab.errors import UserError
from difflab.history.measurements import Numbers
from difflab.validation import explain, refuse

FILE = Path("claims.yaml")
NUMBER = re.compile(r"(?P<file>[a-z0-9_-]+):(?P<path>[^\s:()]+)")  # joint-cosine:mnistm.accuracy.low
SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
SIGN = re.compile(r"\s(<=|>=|<|>)\s")
State = Literal["holds", "does not hold", "not measured"]


def _has_two_sides(inequality: str) -> str:
    sides = SIGN.split(inequality)
    if len(sides) != 3 or not all(re.fullmatch(r"[\d.\s*/()+-]+", NUMBER.sub("0", side)) for side in sides[::2]):
        raise refuse("", inequality, "two sides of numbers and FILE:PATH with + - * /, and <, <=, > or >= between them")
    return inequality


class Claim(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    system: str  # of report/systems.yaml
    text: str  # a sentence for README, docs and report
    holds_if: Annotated[list[Annotated[str, AfterValidator(_has_two_sides)]], Field(min_length=1)]  # all of them

    @property
    def numbers(self) -> list[tuple[str, str]]:
        """File and path of each number in it."""
        return [(found["file"], found["path"]) for text in self.holds_if for found in NUMBER.finditer(text)]


class Claims(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    headline: dict[str, list[str]]  # by metrics file: the numbers that stand for it, which `difflab verify` judges
    claims: dict[str, Claim]

    @property
    def files(self) -> list[str]:
        """The metrics files that headline and claims name, by stem."""
        return sorted(self.headline.keys() | {file for claim in self.claims.values() for file, _ in claim.numbers})


@dataclass(frozen=True)
class Outcome:
    """Whether a claim holds for one set of metrics; `values`: the left sides of its inequalities."""

    claim: Claim
    state: State
    values: tuple[float, ...]


def load_claims(path: str | Path = FILE) -> Claims:
    """Raises UserError with one line when the file is missing or not of this form."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: not found")
    try:
        return Claims.model_validate(read_yaml(path))
    except ValidationError as error:
        raise UserError(f"{path}: {explain(error, Claims, '')}") from None


def outcome(claim: Claim, metrics: Mapping[str, Numbers]) -> Outcome:
    """`metrics`: by file, its numbers. A number that is missing makes the claim `not measured`."""
    values, held = [], []
    for inequality in claim.holds_if:
        left, sign, right = SIGN.split(inequality)
        sides = [_value(side, metrics) for side in (left, right)]
        if sides[0] is None or sides[1] is None:
            return Outcome(claim, "not measured", ())
        values.append(sides[0])
        held.append(SIGNS[sign](sides[0], sides[1]))
    return Outcome(claim, "holds" if all(held) else "does not hold", tuple(values))


def _value(side: str, metrics: Mapping[str, Numbers]) -> float | None:
    """The arithmetic of one side, by pandas; None where a number is missing."""
    import pandas as pd

    names: dict[str, float | None] = {}

    def named(found: re.Match[str]) -> str:
        name = f"number_{len(names)}"
        names[name] = metrics.get(found["file"], {}).get(found["path"])
        return name

    expression = NUMBER.sub(named, side)
    if None in names.values():
        return None
    return float(pd.eval(expression, engine="python", local_dict=names))  # type: ignore[arg-type]
