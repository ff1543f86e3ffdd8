"""Check that two domains fit together, and copy them: prepared/ → prepared/scenarios/SCENARIO/.

They must have the same classes and image size. This is the only stage before the trainings that reads the target's
labels; scenario.json contains none. Because of the copy, a change to any other data set reruns no training.
"""

import shutil
from pathlib import Path
from typing import Annotated

from difflab.config.base import BatchSize
from difflab.stage import Scenario, Section, run


def main(scenario: Scenario, batch_size: Annotated[BatchSize, Section("adaptation.training.batch_size")]) -> None:
    from difflab.evaluation.metrics import write_metrics
    from difflab.pipeline.files import atomic_write
    from difflab.systems.adaptation.scenarios import describe_scenario, domains_of, prepared

    described = describe_scenario(scenario, batch_size)
    with atomic_write(Path("prepared/scenarios", scenario)) as folder:
        folder.mkdir()
        write_metrics(folder / "scenario.json", described)
        for domain in domains_of(scenario):
            shutil.copy(prepared(domain), folder)


if __name__ == "__main__":
    run(main)
