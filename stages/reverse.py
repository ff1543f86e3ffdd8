"""The reverse process of one recipe's first images: samples/RECIPE/trace/ → figures/reverse_RECIPE.png."""

from pathlib import Path

from difflab.errors import UserError
from difflab.stage import recipe_argument, run


def main() -> None:
    recipe = recipe_argument(__doc__)

    from difflab.figures.image_grid import Panel, save_image_grid

    # DOMAIN_DIGIT, or DOMAIN without a condition: by digit, then by domain.
    names = [folder.name.split("_") for folder in Path("samples", recipe, "trace").glob("*")]
    names.sort(key=lambda name: name[::-1])
    if not names:
        raise UserError(f"samples/{recipe}/trace: found nothing, allowed: what `dvc repro sample@{recipe}` makes")
    rows = [sorted(Path("samples", recipe, "trace", "_".join(name)).glob("t*.png"), reverse=True) for name in names]
    labels = ["  ".join(name[::-1]) for name in names]
    times = [f"t = {int(file.stem[1:])}" for file in rows[0]]
    title = f"{recipe}: from pure noise to a digit"
    save_image_grid([Panel(rows, labels, times)], title, Path(f"figures/reverse_{recipe}.png"), "reverse")


if __name__ == "__main__":
    run(main)
