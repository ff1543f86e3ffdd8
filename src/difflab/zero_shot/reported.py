"""What the reports measured of CLIP, to stand beside a measurement of the same kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from difflab.params import read_yaml
from difflab.stage import UserError
from difflab.validation import explain


class ReportedZeroShot(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    accuracies: list[float]  # one for each report
    num_images: int
    num_classes: int
    image_size: int

    def beside(self, metrics: dict[str, Any]) -> dict[str, Any]:
        """The reported accuracies beside the measured one, where as many classes were told apart; {} elsewhere."""
        if metrics["num_classes"] != self.num_classes:
            return {}
        protocol = self.model_dump(exclude={"accuracies"}) | {"source": "reported"}
        return {
            "reported": {
                "accuracy": {"reported": self.accuracies, "measured": metrics["accuracy"]["value"]},
                "protocol": protocol,
            }
        }


def load_reported(path: Path = Path("metrics/zero_shot_targets.yaml")) -> ReportedZeroShot:
    """Raises UserError with one line when the file is missing or not of this form."""
    if not path.is_file():
        raise UserError(f"{path}: not found")
    try:
        return ReportedZeroShot.model_validate(read_yaml(path))
    except ValidationError as error:
        raise UserError(f"{path}: {explain(error, ReportedZeroShot, '')}") from None
