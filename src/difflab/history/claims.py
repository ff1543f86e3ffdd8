"""claims.yaml: the findings of each system, as inequalities over the measurements in metrics/*.json."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from difflab.config.load import read_yaml
from difflab.config.validation import explain, refuse
from difflab.errors import UserError
from difflab.history.measurements import Numbers

FILE = Path("claims.yaml")
NUMBER = re.compile(r"(?P<file>[a-z0-9_-]+):(?P<path>[^\s:()]+)")  # joint-cosine:mnistm.accuracy.low
ARITHMETIC = re.compile(r"[\d.\s*/()+-]+")
SIGN = re.compile(r"\s(<=|>=|<|>)\s")
END = re.compile(r"\.(low|high)$")
SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
State = Literal["holds", "does not hold", "not measured", "not part of this run"]


def is_arithmetic(side: str) -> bool:
    """Whether `side` contains only numbers, FILE:PATH, + - * / and parentheses."""
    return bool(ARITHMETIC.fullmatch(NUMBER.sub("0", side)))


def _has_two_sides(inequality: str) -> str:
    sides = SIGN.split(inequality)
    if len(sides) != 3 or not all(map(is_arithmetic, sides[::2])):
        raise refuse("", inequality, "two sides of numbers and FILE:PATH with + - * /, and <, <=, > or >= between them")
    return inequality


class Claim(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    system: str  # of report/systems.yaml
    text: str  # the sentence in README, docs and report
    holds_if: Annotated[list[Annotated[str, AfterValidator(_has_two_sides)]], Field(min_length=1)]  # all of them

    @property
    def numbers(self) -> list[tuple[str, str]]:
        """File and path of each number in its inequalities."""
        return [(found["file"], found["path"]) for text in self.holds_if for found in NUMBER.finditer(text)]


class Claims(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    headline: dict[str, list[str]]  # by metrics file: measurements to compare with the reference
    claims: dict[str, Claim]

    @property
    def files(self) -> list[str]:
        """The metrics files that headline and claims name, by stem."""
        return sorted(self.headline.keys() | {file for claim in self.claims.values() for file, _ in claim.numbers})


@dataclass(frozen=True)
class Outcome:
    """Whether a claim holds for one set of metrics.

    `values`: the left sides of its inequalities; the measurement itself if the side is an end of its interval.
    """

    claim: Claim
    state: State
    values: tuple[float, ...]


def load_claims(path: str | Path = FILE) -> Claims:
    """Read the claims. Raises UserError with one line if the file is missing or not valid."""
    if not Path(path).is_file():
        raise UserError(f"{path}: not found")
    try:
        return Claims.model_validate(read_yaml(path))
    except ValidationError as error:
        raise UserError(f"{path}: {explain(error, read_yaml(path), '')}") from None


def outcome(claim: Claim, metrics: Mapping[str, Numbers]) -> Outcome:
    """Evaluate a claim. `metrics`: numbers by metrics file; if one is missing, the claim is `not measured`."""
    if any(path not in metrics.get(file, {}) for file, path in claim.numbers):
        return Outcome(claim, "not measured", ())
    values, held = list[float](), list[bool]()
    for inequality in claim.holds_if:
        left, sign, right = SIGN.split(inequality)
        values.append(value_of(_measurement(left, metrics), metrics))
        held.append(SIGNS[sign](value_of(left, metrics), value_of(right, metrics)))
    return Outcome(claim, "holds" if all(held) else "does not hold", tuple(values))


def _measurement(side: str, metrics: Mapping[str, Numbers]) -> str:
    """`side`, or the measurement itself if `side` is an end of its interval."""
    number = NUMBER.fullmatch(side)
    whole = END.sub("", side)
    return whole if number and END.sub("", number["path"]) in metrics[number["file"]] else side


def value_of(side: str, metrics: Mapping[str, Numbers]) -> float:
    """Evaluate one side of an inequality with pandas; all its numbers must be in `metrics`."""
    import pandas as pd  # pyright: ignore[reportMissingTypeStubs]

    values = [metrics[found["file"]][found["path"]] for found in NUMBER.finditer(side)]
    names = {f"number_{index}": value for index, value in enumerate(values)}
    unused = iter(names)
    return float(pd.eval(NUMBER.sub(lambda _: next(unused), side), engine="python", local_dict=names))  # type: ignore[arg-type]
