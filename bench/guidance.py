"""Guidance in an interval of the time steps: images per second, and effect on the samples.

Outside the interval, the unconditional half of a step is skipped (Kynkäänniemi et al. 2024, arXiv:2404.07724). Without
an interval, both halves run in every step, as in diffusers' pipelines. Needs: dvc repro sample@RECIPE judge
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor

from bench.contender import Requests
from bench.grading import MODELS, Grader
from bench.timing import compared, header, in_turns, row, sampling_rate
from difflab.config.diffusion import RecipeParams
from difflab.config.load import load_section
from difflab.config.studies import EvaluationParams
from difflab.data.pixels import to_uint8
from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.pipelines import DigitPipeline, load_recipe
from difflab.diffusion.samplers import sampler_options
from difflab.errors import UserError

INTERVALS = [(0.0, 1.0), (0.0, 0.5), (0.25, 0.75), (0.5, 1.0)]  # of t/T; the first one is guidance in all steps


def sample(
    pipeline: DigitPipeline, params: RecipeParams, requests: Requests, interval: tuple[float, float] | None
) -> Tensor:
    """Images (N, 3, S, S) uint8 with the settings of the sample stage, except for the interval."""
    options: dict[str, Any] = sampler_options(params.sampling) | {"eta": getattr(params.sampling, "eta", 0.0)}
    output = pipeline(
        requests.digits,
        requests.domains,
        generator=bank_generators(params.sampling.seed, range(len(requests))),
        guidance_scale=params.sampling.guidance_scale or 1.0,
        guidance_interval=interval,
        output_type="pt",
        **options,
    )
    return to_uint8(output.images)


def compare(name: str, params: RecipeParams, grader: Grader, rounds: int) -> None:
    """Print a row for each interval."""
    pipeline = load_recipe(MODELS / name, True, "cpu")
    assert isinstance(pipeline, DigitPipeline)
    ways: dict[tuple[float, float], Callable[[], Tensor]] = {
        interval: partial(sample, pipeline, params, grader.requests, interval) for interval in INTERVALS
    }
    rates = in_turns({str(interval): partial(sampling_rate, way) for interval, way in ways.items()}, rounds)
    everywhere = rates[str(INTERVALS[0])]
    header("guided where t/T is in", "images/s", "÷ guidance in all steps (range)", "accuracy", "Fréchet distance")
    for interval, way in ways.items():
        speeds, grades = rates[str(interval)], grader.grade(way())
        cells = ["{value:.3g} ({low:.3g}-{high:.3g})".format(**grades[metric]) for metric in ("accuracy", "frechet")]
        row("[{:g}, {:g})".format(*interval), f"{median(speeds):.1f}", compared(speeds, everywhere), *cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default="mnistm-linear", help="one with a condition")
    parser.add_argument("--images", type=int, default=250)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    recipes = load_section(dict[str, RecipeParams], "recipes")
    allowed = [name for name, params in recipes.items() if params.condition]
    if args.recipe not in allowed:
        raise UserError(f"recipe: found {args.recipe!r}, allowed: {', '.join(allowed)}")
    grader = Grader(recipes[args.recipe], load_section(EvaluationParams, "evaluation"), args.images)
    compare(args.recipe, recipes[args.recipe], grader, args.rounds)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
