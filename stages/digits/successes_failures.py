"""Samples of an unconditional recipe with the highest and lowest confidence of the classifier.

samples/RECIPE/DOMAIN/, models/judges/DOMAIN/ → figures/successes_failures_RECIPE.png
"""

from pathlib import Path
from typing import Annotated

from difflab.config.diffusion import RecipeData
from difflab.errors import UserError
from difflab.stage import Compute, Recipe, Section, run

COLUMNS = 4
SHOWN = 20  # of each kind


def main(recipe: Recipe, compute: Compute, domains: Annotated[RecipeData, Section("recipes.{recipe}.data")]) -> None:
    import torch

    from difflab.classifiers.digit_classifier import load_digit_classifier
    from difflab.data.classes import DIGITS
    from difflab.data.images import read_equal_sizes
    from difflab.evaluation.samples import sample_files
    from difflab.figures.image_grid import Panel, save_image_grid
    from difflab.training.device import make_accelerator

    (domain,) = domains
    files = sample_files(Path("samples", recipe, domain))
    if len(files) < SHOWN:
        raise UserError(f"samples/{recipe}/{domain}: found {len(files)} images, allowed: {SHOWN} and above")

    judge_folder = Path(f"models/judges/{domain}")

    judge = load_digit_classifier(judge_folder).to(make_accelerator(compute).device)
    pixels = read_equal_sizes(files)
    confidence, seen = judge.probabilities(torch.from_numpy(pixels).permute(0, 3, 1, 2)).max(1)
    graded = sorted(zip(files, seen.tolist(), confidence.tolist(), strict=True), key=lambda sample: -sample[2])
    of_each = max(1, SHOWN // len(judge.classes))
    labels = range(min(len(judge.classes), SHOWN))
    surest = [sample for label in labels for sample in [s for s in graded if s[1] == label][:of_each]]

    def panel(samples: list[tuple[Path, int, float]], title: str) -> Panel:
        rows = [samples[start : start + COLUMNS] for start in range(0, len(samples), COLUMNS)]
        captions = [[f"{judge.classes[label]}   {confidence:.1%}" for _, label, confidence in row] for row in rows]
        return Panel([[file for file, *_ in row] for row in rows], [], [], title, captions)

    kind = "digit" if judge.classes == DIGITS else "class"
    successes = panel(surest, f"successes: the {of_each} surest of each {kind} seen")
    failures = panel(graded[: -SHOWN - 1 : -1], f"failures: the {SHOWN} least sure")
    title = f"{recipe}: {len(files)} samples by the classifier's confidence in the {kind} that it sees"
    path = Path(f"figures/successes_failures_{recipe}.png")
    inputs = [*files, *sorted(judge_folder.iterdir())]
    save_image_grid([successes, failures], title, path, "successes_failures", inputs)


if __name__ == "__main__":
    run(main)
