"""Metrics of faces compared with values calculated by hand."""

import math
import re

import numpy as np
import pytest
from PIL import Image

from difflab.errors import UserError
from difflab.systems.faces.evaluation import (
    contrast,
    errors_against,
    measures_of_eta,
    measures_of_middles,
    norm_deviation,
    sharpness,
)


def flat(*levels: float) -> np.ndarray:
    return np.stack([np.full((12, 12, 3), level, dtype=np.float64) for level in levels])


def test_measures_of_eta_by_hand():
    deterministic = flat(100, 200)
    images = np.stack([flat(103, 200), flat(99, 210)])  # two seeds
    measures = measures_of_eta(images, deterministic)
    assert measures == {"distance_from_eta_0": (3 + 0 + 1 + 10) / 4, "diversity": (4 + 10) / 2}
    three = measures_of_eta(np.stack([flat(0), flat(6), flat(9)]), flat(0))
    assert three == {"distance_from_eta_0": 5.0, "diversity": 6.0}
    assert measures_of_eta(images[:1], deterministic) == {"distance_from_eta_0": 1.5}


def test_measures_of_middles_by_hand():
    """A ramp of slope g has sharpness g, and standard deviation proportional to it."""
    ramp = np.broadcast_to(np.arange(12.0)[:, None, None], (12, 12, 3))
    ends = np.stack([[3 * ramp, 5 * ramp], [2 * ramp, 2 * ramp]])
    middles = {"slerp": np.stack([4 * ramp, 2 * ramp]), "lerp": np.stack([ramp, 1.5 * ramp])}
    expected = {"slerp": (1 + 1) / 2, "lerp": (1 / 4 + 3 / 4) / 2, "least_difference": 1 - 3 / 4}
    measured = measures_of_middles(middles, ends)
    assert measured == {"contrast": pytest.approx(expected), "sharpness": pytest.approx(expected)}
    assert sharpness(2 * ramp) == pytest.approx(2) and sharpness(2 * ramp.swapaxes(0, 1)) == pytest.approx(2)
    assert contrast(2 * ramp) == pytest.approx(2 * np.arange(12).std())


def test_the_norm_of_a_straight_path_falls():
    noises = np.array([[3.0, 0.0], [1.5, 1.5], [0.0, 3.0]])
    assert norm_deviation(noises) == pytest.approx(1 - math.sqrt(0.5))


def test_errors_against_reference_images(tmp_path, capsys):
    theirs = tmp_path / "theirs"
    for folder, levels in (("ours", (10, 20, 30)), ("theirs", (13, 20, 30, 40))):
        (tmp_path / folder).mkdir()
        for number, image in enumerate(flat(*levels)):
            Image.fromarray(image.astype(np.uint8)).save(tmp_path / folder / f"{number:02d}.png")
    files = [tmp_path / f"ours/{number:02d}.png" for number in range(3)]
    assert errors_against(theirs, files) == {"00": 9.0, "01": 0.0, "02": 0.0, "sum": 9.0}
    assert re.search(r"faces\.reference: .*theirs: 1 images are not used", capsys.readouterr().err)
    (theirs / "02.png").rename(theirs / "02.TIFF")
    assert errors_against(theirs, files)["02"] == 0.0
    Image.new("RGB", (12, 12)).save(theirs / "02.jpg")
    with pytest.raises(UserError, match=r"found .*theirs/02\.TIFF and .*theirs/02\.jpg, allowed: one of each of 00"):
        errors_against(theirs, files)
    (theirs / "02.TIFF").unlink()
    (theirs / "02.jpg").unlink()
    with pytest.raises(UserError, match=r"faces\.reference: .*theirs: found no image 02, allowed: one of each of 00"):
        errors_against(theirs, files)
    Image.new("RGB", (6, 8)).save(tmp_path / "theirs/02.png")
    with pytest.raises(UserError, match=r"theirs/02\.png: found 8×6 pixels, allowed: 12×12, as .*ours/02\.png has"):
        errors_against(tmp_path / "theirs", files)
    (tmp_path / "theirs/02.png").write_text("no image")
    with pytest.raises(UserError, match=r"theirs/02\.png: cannot be read as an image"):
        errors_against(tmp_path / "theirs", files)
    with pytest.raises(UserError, match=r"nowhere: no such folder"):
        errors_against(tmp_path / "nowhere", files)
