"""The loss of one recipe over its training, for `dvc plots`: models/RECIPE/train_log.jsonl → curves/RECIPE.csv."""

import csv
import json
from pathlib import Path

from difflab.stage import recipe_argument, run


def main() -> None:
    recipe = recipe_argument(__doc__)

    from difflab.outputs import written_whole

    log = Path("models", recipe, "train_log.jsonl").read_text().splitlines()
    rows = [line for line in map(json.loads, log) if "loss" in line]
    with written_whole(Path("curves", f"{recipe}.csv")) as partial, partial.open("w", newline="") as file:
        table = csv.DictWriter(file, ["step", "epoch", "loss", "grad_norm", "learning_rate"], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


if __name__ == "__main__":
    run(main)
