"""Check that two domains can be adapted to each other: prepared/DOMAIN.safetensors → scenarios/SCENARIO.json.

The only stage before the trainings that reads the target's labels; its output holds none.
"""

from pathlib import Path
from typing import Annotated

from difflab.config.base import BatchSize
from difflab.stage import Scenario, Section, run


def main(scenario: Scenario, batch_size: Annotated[BatchSize, Section("adaptation.training.batch_size")]) -> None:
    from difflab.evaluation.metrics import write_metrics
    from difflab.systems.adaptation.scenarios import describe_scenario

    write_metrics(Path(f"scenarios/{scenario}.json"), describe_scenario(scenario, batch_size))


if __name__ == "__main__":
    run(main)
