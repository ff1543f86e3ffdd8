"""Samples of an unconditional recipe that the judge is most and least sure of → figures/successes_failures_RECIPE.png.

Made from samples/RECIPE/DOMAIN/ and models/judge-DOMAIN/.
"""

from pathlib import Path

from difflab.config.load import load_section

from difflab.config.diffusion import RecipeData
from difflab.config.training import ComputeParams
from difflab.errors import UserError
from difflab.stage import recipe_argument, run

COLUMNS = 4
SHOWN = 20  # of each kind


def main() -> None:
    recipe = recipe_argument(__doc__)
    compute = load_section(ComputeParams, "compute")
    (domain,) = load_section(RecipeData, f"recipes.{recipe}.data")

    from difflab.data.images import read_equal_sizes
    from difflab.evaluation.samples import sample_files

    files = sample_files(Path("samples", recipe, domain))
    if len(files) < SHOWN:
        raise UserError(f"samples/{recipe}/{domain}: found {len(files)} images, allowed: {SHOWN} and above")
    judge_folder = Path(f"models/judge-{domain}")

    import torch

    from difflab.classifiers.digit_classifier import load_digit_classifier
    from difflab.figures.image_grid import Panel, save_image_grid
    from difflab.training.device import make_accelerator

    judge = load_digit_classifier(judge_folder).to(make_accelerator(compute).device)
    pixels = read_equal_sizes(files)
    confidence, seen = judge.probabilities(torch.from_numpy(pixels).permute(0, 3, 1, 2)).max(1)
    graded = sorted(zip(files, seen.tolist(), confidence.tolist(), strict=True), key=lambda sample: -sample[2])
    surest = [sample for digit in range(10) for sample in [s for s in graded if s[1] == digit][: SHOWN // 10]]

    def panel(samples: list[tuple[Path, int, float]], title: str) -> Panel:
        rows = [samples[start : start + COLUMNS] for start in range(0, len(samples), COLUMNS)]
        captions = [[f"{digit}   {confidence:.1%}" for _, digit, confidence in row] for row in rows]
        return Panel([[file for file, *_ in row] for row in rows], [], [], title, captions)

    save_image_grid(
        [
            panel(surest, f"successes: the {SHOWN // 10} surest of each digit seen"),
            panel(graded[: -SHOWN - 1 : -1], f"failures: the {SHOWN} least sure"),
        ],
        f"{recipe}: {len(files)} samples by the judge's confidence in the digit that it sees",
        Path(f"figures/successes_failures_{recipe}.png"),
        "successes_failures",
        [*files, *sorted(judge_folder.iterdir())],
    )


if __name__ == "__main__":
    run(main)
