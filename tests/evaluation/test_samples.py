"""Samples of a recipe: all are read, or the missing one is named."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from difflab.errors import UserError
from difflab.evaluation.samples import read_class_samples, read_samples


def save(folder: Path, *names: str) -> None:
    for name in names:
        Image.fromarray(np.full((4, 4, 3), int(name[-1]), dtype=np.uint8)).save(folder / f"{name}.png")


def test_samples_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    save(tmp_path, "1_001", "1_002", "3_001", "3_002", "a%2F3_1_001", "7_001", "001", "002", "003")
    images, labels = read_class_samples(tmp_path, {"3": 5, "1": 0})
    assert images.shape == (4, 3, 4, 4) and labels.tolist() == [5, 5, 0, 0]
    assert read_class_samples(tmp_path, {"a/3_1": 2})[1].tolist() == [2]
    assert images[:, 0, 0, 0].tolist() == [1, 2, 1, 2]
    assert read_samples(tmp_path)[:, 0, 0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("names", "missing"),
    [(["001", "003"], "002"), (["000", "002"], "001"), (["002", "003"], "001"), (["000", "001", "004"], "002")],
)
def test_a_missing_sample_is_named(tmp_path: Path, names: list[str], missing: str) -> None:
    save(tmp_path, *names, *(f"5_{name}" for name in names))
    with pytest.raises(UserError, match=rf"/{missing}\.png: not found"):
        read_samples(tmp_path)
    with pytest.raises(UserError, match=rf"/5_{missing}\.png: not found"):
        read_class_samples(tmp_path, {"5": 5})


def test_a_damaged_sample_and_one_of_another_size_are_named(tmp_path: Path) -> None:
    save(tmp_path, "001", "002")
    Image.new("RGB", (5, 4)).save(tmp_path / "002.png")
    with pytest.raises(UserError, match=r"002\.png: found 4×5 pixels, allowed: 4×4"):
        read_samples(tmp_path)
    (tmp_path / "002.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"002\.png: cannot be read as an image"):
        read_samples(tmp_path)
