"""Animations: one frame for each figure, all of the same size, and equal bytes for equal figures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from difflab.figures.files import Provenance, save_gif
from difflab.figures.image_grid import SCREEN, Panel, plot_image_grid

TITLES = ["short", "a title that is quite a bit longer than the grid is wide", "a third"]


def noise(rows: int, columns: int, size: int, seed: int) -> list[list[Image.Image]]:
    pixels = np.random.default_rng(seed).integers(0, 256, (rows, columns, size, size, 3), dtype=np.uint8)
    return [[Image.fromarray(image) for image in row] for row in pixels]


def write(path: Path, rows: int = 2, columns: int = 2, size: int = 16) -> Image.Image:
    figures = [
        plot_image_grid([Panel(noise(rows, columns, size, seed), [], [])], title, SCREEN)
        for seed, title in enumerate(TITLES)
    ]
    save_gif(figures, path, Provenance("test", "sha256:0"))
    return Image.open(path)


def test_a_frame_for_each_figure_with_its_images_in_place(tmp_path):
    gif = write(tmp_path / "a.gif")
    frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(gif)]
    assert len(frames) == len(TITLES)
    assert len({frame.size for frame in frames}) == 1
    factor, pitch = 3, 3 * 16 + SCREEN.gap
    for seed, frame in enumerate(frames):
        canvas = np.asarray(frame).astype(int)
        colored = np.argwhere(canvas.max(2) - canvas.min(2) > 60)
        top, left = colored.min(0)
        for i, row in enumerate(noise(2, 2, 16, seed)):
            for j, image in enumerate(row):
                cell = canvas[top + i * pitch :, left + j * pitch :][: factor * 16, : factor * 16]
                error = cell[::factor, ::factor] - np.asarray(image).astype(int)
                assert np.abs(error).mean() < 16, (seed, i, j)  # 256 colors for 1,024; another image: 85


def test_equal_animations_are_equal_bytes_and_say_what_they_are(tmp_path):
    gif = write(tmp_path / "a.gif")
    write(tmp_path / "b.gif")
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()
    assert gif.info["comment"] == b"Stage: test\nInputs: sha256:0"


def test_nothing_is_left_of_an_animation_that_fails(tmp_path, monkeypatch):
    monkeypatch.setattr(Image.Image, "save", lambda *arguments, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "a.gif")
    assert not list(tmp_path.iterdir())
