"""The reverse process of one recipe's first images: samples/RECIPE/trace/ → figures/reverse_RECIPE.png."""

from pathlib import Path

from difflab.errors import UserError
from difflab.stage import recipe_argument, run


def main() -> None:
    recipe = recipe_argument(__doc__)

    from difflab.figures.image_grid import Panel, save_image_grid

    # DOMAIN_DIGIT, or DOMAIN without a condition: by digit, then by domain.
    traces = sorted(Path("samples", recipe, "trace").glob("*"), key=lambda folder: folder.name.split("_")[::-1])
    files = sorted({file.name for folder in traces for file in folder.glob("t*.png")}, reverse=True)
    if not files:
        raise UserError(f"samples/{recipe}/trace: found nothing, allowed: what `dvc repro sample@{recipe}` makes")
    rows = [[folder / file for file in files] for folder in traces]
    labels = ["  ".join(folder.name.split("_")[::-1]) for folder in traces]
    times = [f"t = {int(Path(file).stem[1:])}" for file in files]
    title = f"{recipe}: from pure noise to a digit"
    save_image_grid([Panel(rows, labels, times)], title, Path(f"figures/reverse_{recipe}.png"), "reverse")


if __name__ == "__main__":
    run(main)
