"""The figure and the report's slider show the same digit, the middle one of those that the most recipes know."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from difflab.config.params import load_params
from difflab.errors import UserError
from difflab.figures import image_grid
from difflab.report.page import read_strips
from difflab.systems.digits.rows import middle_class
from stages.digits import same_noise
from tests.stage_calls import run_stage


@pytest.mark.parametrize(
    ("known", "digit"),
    [
        ([[0, 2, 4, 6, 8], list(range(10))], 4),
        ([[1, 3], [7, 3], [7, 3]], 3),
        ([[1], [2]], 2),
        ([[9, 9, 1], [1]], 1),
        ([], None),
    ],
)
def test_middle_class(known, digit):
    assert middle_class(known) == digit


def test_figure_and_slider_show_the_same(tmp_path, monkeypatch):
    root = Path.cwd()
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text((root / "params.yaml").read_text())
    recipes = load_params().recipes
    for name, recipe in recipes.items():
        for domain, digits in recipe.data.items():
            folder = Path("samples", name, domain)
            folder.mkdir(parents=True)
            for prefix in [f"{digit}_" for digit in digits] if recipe.condition else [""]:
                for number in range(1, 11):
                    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / f"{prefix}{number:03d}.png")
    drawn = []
    monkeypatch.setattr(image_grid, "save_image_grid", lambda panels, *others: drawn.extend(panels))
    shutil.copytree("samples", "studies/same_noise")  # as the stage `grid` does
    run_stage(same_noise)
    [panel] = drawn
    strips = read_strips(recipes)
    assert {strip.label.replace(", ", "\n", 1) for strip in strips} == set(panel.row_labels)
    assert len(strips) == len(panel.row_labels) and "joint-cosine\nsvhn, digit 5" in panel.row_labels
    missing = Path("samples/joint-cosine/svhn/5_003.png")
    missing.unlink()  # the images after it would move to other noises
    with pytest.raises(UserError, match=rf"^{missing}: not found$"):
        read_strips(recipes)
    for file in missing.parent.glob("5_*"):
        file.unlink()
    assert len(read_strips(recipes)) == len(strips) - 1  # not sampled yet
