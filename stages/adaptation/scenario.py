"""Check that two domains can be adapted to each other: prepared/DOMAIN.safetensors → scenarios/SCENARIO.json.

The only stage before the trainings that reads the target's labels; what it writes holds none.
"""

import argparse
from pathlib import Path

from difflab.config.base import BatchSize
from difflab.config.load import load_section

from difflab.stage import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", help="an entry of params.yaml: adaptation.scenarios")
    scenario = parser.parse_args().scenario
    batch_size = load_section(BatchSize, "adaptation.training.batch_size")

    from difflab.evaluation.metrics import write_metrics
    from difflab.systems.adaptation.scenarios import describe_scenario

    write_metrics(Path(f"scenarios/{scenario}.json"), describe_scenario(scenario, batch_size))


if __name__ == "__main__":
    run(main)
