"""Image grids: every pixel of every image is at its place in the PNG, and equal grids have equal bytes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from difflab.errors import UserError
from difflab.figures.files import DPI, Provenance
from difflab.figures.image_grid import PRINT, Panel, plot_image_grid, save_image_grid


def write_images(folder: Path, rows: int, columns: int, size: int, seed: int = 0) -> list[list[Path]]:
    folder.mkdir(exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (rows, columns, size, size, 3), dtype=np.uint8)
    files = [[folder / f"{row}_{column}.png" for column in range(columns)] for row in range(rows)]
    for row in range(rows):
        for column in range(columns):
            Image.fromarray(pixels[row, column]).save(files[row][column])
    return files


def panel(files: list[list[Path]], title: str = "a panel") -> Panel:
    return Panel(files, [f"row {i}" for i in range(len(files))], [str(j) for j in range(len(files[0]))], title)


def enlarged(file: Path) -> np.ndarray:
    image = Image.open(file)
    factor = max(1, round(PRINT.cell / image.width))
    return np.asarray(image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST))


def find(canvas: np.ndarray, image: np.ndarray) -> tuple[int, int]:
    """The one place (top, left) of `image` in `canvas`."""
    corners = np.argwhere((canvas == image[0, 0]).all(axis=2))
    height, width = image.shape[:2]
    (place,) = [
        (top, left) for top, left in corners if np.array_equal(canvas[top : top + height, left : left + width], image)
    ]
    return place


@pytest.mark.parametrize("size", [7, 16, 24, 28, 200])
def test_images_are_whole_and_in_their_places(tmp_path, size):
    files = write_images(tmp_path, 2, 3, size)
    save_image_grid([panel(files)], "title", tmp_path / "grid.png", "test")
    canvas = np.asarray(Image.open(tmp_path / "grid.png").convert("RGB"))
    places = np.array([[find(canvas, enlarged(file)) for file in row] for row in files])
    pitch = enlarged(files[0][0]).shape[0] + PRINT.gap
    expected = [[[row * pitch, column * pitch] for column in range(3)] for row in range(2)]
    assert np.array_equal(places - places[0, 0], expected)


def test_equal_grids_are_equal_bytes_and_say_what_they_are(tmp_path):
    files = write_images(tmp_path, 2, 2, 16)
    for name in ("one.png", "two.png"):
        save_image_grid([panel(files)], "title", tmp_path / name, "grid")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    image = Image.open(tmp_path / "one.png")
    inputs = [file for row in files for file in row]
    assert image.info["Stage"] == "grid"
    assert image.info["Inputs"] == Provenance.of("grid", inputs).inputs
    assert "Software" not in image.info
    assert image.info["dpi"] == pytest.approx((DPI, DPI), rel=1e-3)


@pytest.mark.parametrize("sizes", [[(8, 8), (40, 20), (1, 90), (3000, 2), (9, 1200)], [(2000, 10), (2000, 10)]])
def test_images_of_several_sizes_or_very_large_ones_fit_their_cells(tmp_path, sizes):
    images = [Image.new("RGB", size, "red") for size in sizes]
    figure = plot_image_grid([Panel([images], [], [])], "title")
    canvas = np.asarray(figure.axes[0].images[0].get_array())
    assert canvas.shape == (PRINT.cell, len(sizes) * (PRINT.cell + PRINT.gap) - PRINT.gap, 3)
    for position, (width, height) in enumerate(sizes):
        cell = canvas[:, position * (PRINT.cell + PRINT.gap) :][:, : PRINT.cell]
        rows, columns = np.nonzero((cell == (255, 0, 0)).all(axis=2))
        spans = np.ptp(columns) + 1, np.ptp(rows) + 1
        assert spans == tuple(max(1, round(PRINT.cell * side / max(width, height))) for side in (width, height))
        middle = (columns.min() + columns.max() + 1, rows.min() + rows.max() + 1)
        assert all(abs(doubled - PRINT.cell) <= 1 for doubled in middle)


def test_labels_are_any_text(tmp_path):
    files = write_images(tmp_path, 1, 1, 16)
    for text in ("A$AP $_", "$\\frac$ 5", "a\nb", "%s {}"):
        save_image_grid([Panel(files, [text], [text], text, [[text]])], text, tmp_path / "grid.png", "test")


def test_a_damaged_image_is_named(tmp_path):
    files = write_images(tmp_path, 1, 2, 16)
    files[0][1].write_bytes(b"no image")
    with pytest.raises(UserError, match=r"0_1\.png: cannot be read as an image"):
        save_image_grid([panel(files)], "title", tmp_path / "grid.png", "test")


def test_a_missing_image_is_named_and_nothing_is_left(tmp_path):
    files = write_images(tmp_path, 1, 2, 16)
    files[0][1].unlink()
    with pytest.raises(UserError, match=r"0_1\.png: not found$"):
        save_image_grid([panel(files)], "title", tmp_path / "grid.png", "grid")
    assert not list(tmp_path.glob("grid*"))
