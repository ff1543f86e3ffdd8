"""Images per second of training with a data set in memory, and with the same data set read from a file.

The only difference is `runtime.in_memory_limit`. Both train one recipe with the same batches, in turns; the data set is
repeated up to the given size. The clock counts the CPU time of all threads, including reading.
Needs: dvc repro prepare
"""

import argparse
import sys
from contextvars import ContextVar
from pathlib import Path
from statistics import median
from unittest.mock import patch

import torch
from torch import Tensor

from bench.grading import PREPARED
from bench.timing import compared, header, row
from bench.turns import TurnTraining, stopped_at_end
from bench.with_difflab import fit_without_files, recipe_task
from difflab.config.diffusion import RecipeParams
from difflab.config.load import load_section
from difflab.data.dataset import gather_images, load_digits, training_splits
from difflab.data.large import GIB
from difflab.errors import UserError

FITS = {"memory": True, "file": False}
FITS_HERE = ContextVar[bool]("FITS_HERE")  # of the training in this thread


def repeated(data: dict[str, Tensor], num_bytes: float) -> dict[str, Tensor]:
    """Repeat the rows of `data` up to about `num_bytes` of images, in memory or a file as `empty_images` decides."""
    rows = torch.arange(max(1, round(num_bytes / data["images"][0].nbytes))) % len(data["images"])
    return {
        name: gather_images([(tensor, rows)]) if name == "images" else tensor[rows] for name, tensor in data.items()
    }


def compare(name: str, params: RecipeParams, gib: float, seconds: float, rounds: int, prepared: Path) -> None:
    """Print one row for memory and one for the file."""
    data = load_digits(params.data, training_splits(params.hold_out_validation), prepared)
    trainings: dict[str, TurnTraining] = {}
    for place, fits in FITS.items():
        with patch("difflab.data.large.fits_memory", lambda _, fits=fits: fits):
            large = repeated(data, gib * GIB)
        task, _ = recipe_task(params, data["images"].shape[-1])
        training = params.training.model_copy(update={"num_snapshots": 0})

        def train(task=task, large=large, training=training, fits=fits) -> None:
            FITS_HERE.set(fits)
            fit_without_files(task, large, training)

        trainings[place] = TurnTraining(task.unet, train)
    rates: dict[str, list[float]] = {place: [] for place in trainings}
    in_thread = patch("difflab.training.loader.fits_memory", lambda _: FITS_HERE.get())
    with in_thread, stopped_at_end(list(trainings.values())):
        for _ in range(rounds):
            for place, training in trainings.items():
                steps, before = training.num_steps, training.seconds
                training.run(until=before + seconds)
                done = (training.num_steps - steps) * params.training.batch_size
                rates[place].append(done / (training.seconds - before))
    for place, speeds in rates.items():
        row(name, f"{gib:g}", place, f"{median(speeds):.1f}", compared(speeds, rates["memory"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", help="none: all of params.yaml")
    parser.add_argument("--gib", type=float, default=1, help="size of the data set")
    parser.add_argument("--seconds", type=float, default=3, help="of training in each round")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    recipes = load_section(dict[str, RecipeParams], "recipes")
    header("recipe", "GiB", "data set in", "images/s", "÷ in memory (range)")
    for name in args.recipes or recipes:
        if name not in recipes:
            raise UserError(f"recipe: found {name!r}, allowed: {', '.join(recipes)}")
        compare(name, recipes[name], args.gib, args.seconds, args.rounds, PREPARED)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
