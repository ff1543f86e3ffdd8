"""The reverse process of one recipe's first digits: samples/RECIPE/trace/ → figures/reverse_RECIPE.png."""

import argparse
from pathlib import Path

from difflab.stage import UserError, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", help="an entry of params.yaml: recipes")
    recipe = parser.parse_args().recipe

    from difflab.figures.image_grid import Panel, save_image_grid

    folders = sorted(Path("samples", recipe, "trace").glob("*_?"), key=lambda folder: folder.name.split("_")[::-1])
    if not folders:
        raise UserError(f"samples/{recipe}/trace: found nothing, allowed: what `dvc repro sample@{recipe}` makes")
    rows = [sorted(folder.glob("t*.png"), reverse=True) for folder in folders]
    labels = [f"{digit}  {domain}" for domain, digit in (folder.name.split("_") for folder in folders)]
    times = [f"t = {int(file.stem[1:])}" for file in rows[0]]
    title = f"{recipe}: from pure noise to a digit"
    save_image_grid([Panel(rows, labels, times)], title, Path(f"figures/reverse_{recipe}.png"), "reverse")


if __name__ == "__main__":
    run(main)
