"""The numbers of the student reports, from metrics/targets.yaml, which are shown next to our own measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from difflab.config.load import read_yaml
from difflab.config.validation import explain
from difflab.errors import UserError

REPORTED_T = 800  # number of time steps of the report's model in `fid_study`


class Reported(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ReportedProtocol(Reported):
    source: Literal["reported"]
    num_generated: int
    extractor: str
    seeds: str


class ReportedAccuracy(Reported):
    value: float
    num_correct: int
    num_images: int


class ReportedAccuracies(Reported):
    overall: ReportedAccuracy
    by_domain: dict[str, ReportedAccuracy]


class ReportedZeroShot(Reported):
    accuracies: list[float]  # one for each report
    num_images: int
    num_classes: int
    image_size: int


class Targets(Reported):
    """The schema of metrics/targets.yaml."""

    accuracy: dict[str, ReportedAccuracies]  # by recipe
    adaptation: dict[str, dict[str, float]]  # accuracy on the target domain by scenario and method
    fid_study: dict[int, Annotated[list[float], Field(min_length=3, max_length=3)]]  # by num_timesteps: three runs
    zero_shot: ReportedZeroShot
    findings: dict[str, str]  # by metrics file: qualitative observations
    protocols: dict[str, ReportedProtocol]  # of the accuracy of each recipe, and of fid_study

    def beside_accuracy(self, recipe: str, measured: dict[str, Any]) -> dict[str, Any]:
        """The reported and measured accuracies of a recipe, with the report's protocol; {} if nothing was reported."""
        if recipe not in self.accuracy:
            return {}
        reported = self.accuracy[recipe]
        pairs = {"accuracy": (reported.overall, measured)}
        pairs |= {f"accuracy_{domain}": (value, measured[domain]) for domain, value in reported.by_domain.items()}
        return {
            "reported": {
                **{
                    name: {"reported": theirs.value, "measured": ours["accuracy"]["value"]}
                    for name, (theirs, ours) in pairs.items()
                },
                "protocol": self.protocols[recipe].model_dump(),
            }
        }

    def beside_zero_shot(self, measured: dict[str, Any]) -> dict[str, Any]:
        """The reported and measured accuracy; {} if the number of classes differs from the report's."""
        if measured["num_classes"] != self.zero_shot.num_classes:
            return {}
        protocol = self.zero_shot.model_dump(exclude={"accuracies"}) | {"source": "reported"}
        accuracy = {"reported": self.zero_shot.accuracies, "measured": measured["accuracy"]["value"]}
        return {"reported": {"accuracy": accuracy, "protocol": protocol}}


def load_targets(path: str | Path = Path("metrics/targets.yaml")) -> Targets:
    """Read `path`. Raises UserError, one line, when the file is missing or does not match the schema."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: not found")
    try:
        return Targets.model_validate(read_yaml(path))
    except ValidationError as error:
        raise UserError(f"{path}: {explain(error, read_yaml(path), '')}") from None
