"""Quality by training time: each recipe and its peers after 30, 60, 120 and 240 s on the same images, on one thread.

Each budget has its own training, because the learning rate falls to 0 at its end; the number of steps comes from a rate
measured before. A peer with a constant learning rate trains once and is sampled at each budget. Trainings of one recipe
take turns. Times are CPU seconds of training alone. Needs: dvc repro prepare judge
"""

import argparse
import itertools
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from typing import Any

import torch

from bench import with_denoising_diffusion, with_difflab, with_diffusers, with_teapearce
from bench.contender import Contender
from bench.grading import PREPARED, Grader
from bench.timing import header, quiet, row
from bench.turns import TurnTraining, stopped_at_end
from difflab.config.diffusion import RecipeParams
from difflab.config.load import load_section
from difflab.config.studies import EvaluationParams
from difflab.errors import UserError
from difflab.figures.curves import Curve, Plot, save_curves

BUDGETS = [30, 60, 120, 240]
ROUNDS = 20  # turns of each training
TRIAL = 3.0  # seconds for measuring the rate
METRICS = {"accuracy": "accuracy", "frechet": "Fréchet distance"}


@dataclass(frozen=True)
class Result:
    """Metrics of one contender after `num_steps` steps, which took `seconds`; `budget`: the planned seconds."""

    name: str
    budget: float
    seconds: float
    num_steps: int
    grades: dict[str, Any]


def contenders(name: str, recipe: RecipeParams) -> list[Contender]:
    """A recipe, and the peers that train on its images."""
    found = [with_difflab.recipe(name, recipe, PREPARED)]
    if recipe.condition is None:
        found.append(with_diffusers.example(recipe, PREPARED))
        if with_denoising_diffusion.is_installed():
            found.append(with_denoising_diffusion.trainer(recipe, PREPARED))
        else:
            print("Left out: denoising-diffusion-pytorch is not installed (pip install denoising-diffusion-pytorch).\n")
    elif recipe.condition.kind == "class_embedding":
        found.append(with_teapearce.conditional_ddpm(recipe, PREPARED))
    return found


def seconds_per_step(contenders: Sequence[Contender], trial: float) -> list[float]:
    """Measured in turns, in a training of `trial` seconds for each contender, which is then discarded."""
    trainings = [TurnTraining(begun.network, begun.train) for begun in (each.begin(1000) for each in contenders)]
    with stopped_at_end(trainings):
        for share in shares(3):
            for training in trainings:
                training.run(until=trial * share)
    return [training.seconds / training.num_steps for training in trainings]


def shares(rounds: int) -> list[float]:
    return [turn / rounds for turn in range(1, rounds + 1)]


class Run:
    """A training of a contender that ends at the last of `budgets` and is sampled at each."""

    def __init__(self, contender: Contender, budgets: list[float], seconds_per_step: float):
        self.contender, self.last, self.left = contender, budgets[-1], list(budgets)
        self.begun = contender.begin(max(1, round(budgets[-1] / seconds_per_step)))
        self.training = TurnTraining(self.begun.network, self.begun.train)
        self.results: list[Result] = []

    def advance(self, share: float, grader: Grader) -> None:
        """Train until `share` of the last budget is used; adds the results of the budgets reached."""
        end = self.last * share
        while self.left and self.left[0] <= end:
            budget = self.left.pop(0)
            # A learning rate that falls to 0 ends by number of steps, not by time.
            self.training.run(until=math.inf if self.contender.needs_end else budget)
            self.sample(budget, grader)
        self.training.run(until=end)

    def sample(self, budget: float, grader: Grader) -> None:
        with quiet():
            samples = self.begun.sample(grader.requests)
        for way, images in samples.items():
            name = f"{self.contender.name}, {way}" if way else self.contender.name
            grades = grader.grade(images)
            self.results.append(Result(name, budget, self.training.seconds, self.training.num_steps, grades))


def measure(contenders: Sequence[Contender], budgets: Sequence[float], grader: Grader) -> list[Result]:
    """Train and sample all contenders with all budgets, in turns; the results are ordered by contender and budget."""
    rates = seconds_per_step(contenders, min(TRIAL, *budgets))
    ordered = sorted(budgets)
    runs = [
        Run(contender, part, rate)
        for contender, rate in zip(contenders, rates, strict=True)
        for part in ([[budget] for budget in ordered] if contender.needs_end else [ordered])
    ]
    with stopped_at_end([run.training for run in runs]):
        for share in shares(ROUNDS):
            for run in runs:
                run.advance(share, grader)
    return [result for run in runs for result in run.results]


def curves_of(results: Sequence[Result]) -> dict[str, list[Result]]:
    """The results of each contender, by name, in the order of budgets."""
    return {name: [each for each in results if each.name == name] for name in dict.fromkeys(r.name for r in results)}


def seconds_to_reach(curve: Sequence[Result], metric: str, level: float) -> float | None:
    """Seconds until the metric reaches `level`, interpolated over log(time); None if it never does.

    The first time measured, if it has already reached `level` there.
    """
    sign = -1 if metric == "frechet" else 1
    points = [(log(each.seconds), sign * (each.grades[metric]["value"] - level)) for each in curve]
    if points[0][1] >= 0:
        return exp(points[0][0])
    for (t, value), (next_t, next_value) in itertools.pairwise(points):
        if next_value >= 0:
            return exp(t + (next_t - t) * value / (value - next_value))
    return None


def report(recipe: str, results: Sequence[Result]) -> None:
    """Print the table of a recipe, and the time at which it reaches each peer's final quality."""
    metrics = list(results[0].grades)
    header("contender", "budget, s", "trained, s", "steps", *[f"{METRICS[metric]} (95 %)" for metric in metrics])
    for each in itertools.chain(*curves_of(results).values()):
        cells = ["{value:.3g} ({low:.3g}-{high:.3g})".format(**each.grades[metric]) for metric in metrics]
        row(each.name, f"{each.budget:g}", f"{each.seconds:.1f}", each.num_steps, *cells)
    print()
    ours, *peers = curves_of(results).values()
    for peer in peers:
        for metric in metrics:
            reached = seconds_to_reach(ours, metric, peer[-1].grades[metric]["value"])
            when = f"after {reached:.0f} s" if reached else "not"
            last = f"{peer[-1].name} after {peer[-1].seconds:.0f} s"
            print(f"{recipe} reaches the {METRICS[metric]} of {last} {when}.")


def plots(recipe: str, results: Sequence[Result], real_baseline: float) -> list[Plot]:
    """One plot of each metric against the training time."""
    ticks = sorted({each.budget for each in results})
    made = []
    for metric in results[0].grades:
        levels = {"real against real": real_baseline} if metric == "frechet" else {}
        curves = [
            Curve.of(name, [each.seconds for each in curve], [each.grades[metric] for each in curve])
            for name, curve in curves_of(results).items()
        ]
        is_distance = metric == "frechet"
        made.append(Plot(recipe, "training, s", METRICS[metric], curves, levels, ticks, log_x=True, log_y=is_distance))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", help="none: all of params.yaml")
    parser.add_argument("--budgets", nargs="+", type=float, default=BUDGETS, help="seconds of training")
    parser.add_argument("--images", type=int, default=250, help="to sample for each measurement")
    parser.add_argument("--figures", type=Path, help="folder for RECIPE.png, its curves")
    args = parser.parse_args()
    torch.set_num_threads(1)
    recipes = load_section(dict[str, RecipeParams], "recipes")
    evaluation = load_section(EvaluationParams, "evaluation")
    for name in args.recipes or recipes:
        if name not in recipes:
            sys.exit(f"recipe: found {name!r}, allowed: {', '.join(recipes)}")
        print(f"## {name}\n", flush=True)
        grader = Grader(recipes[name], evaluation, args.images)
        results = measure(contenders(name, recipes[name]), args.budgets, grader)
        report(name, results)
        print(f"Real against real: {METRICS['frechet']} {grader.real_baseline:.3g}.\n", flush=True)
        if args.figures:
            path = args.figures / f"{name}.png"
            save_curves(plots(name, results, grader.real_baseline), "Quality by training time", path, "bench", [])


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
