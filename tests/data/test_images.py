"""Image files: which are found, how they are decoded, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from difflab.data.dataset import DataError
from difflab.data.images import find_images, read_image, read_squares


def noise(height: int, width: int, *channels: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size=(height, width, *channels), dtype=np.uint8)


def save(path: Path, pixels: np.ndarray, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def test_images_are_found_in_all_folders_in_order(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/10.JPG", "a/1.jpeg"):
        save(tmp_path / name, noise(4, 4, 3))
    (tmp_path / "b/notes.txt").write_text("not an image")
    assert [str(p.relative_to(tmp_path)) for p in find_images(tmp_path)] == ["a/1.jpeg", "b/10.JPG", "b/2.png"]


def test_no_folder_and_no_images_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent: no such folder"):
        find_images(tmp_path / "absent")
    with pytest.raises(DataError, match=r"no images in it, allowed: \.jpeg, \.jpg, \.png"):
        find_images(tmp_path)


def test_images_of_one_size_are_kept_to_the_bit(tmp_path: Path) -> None:
    grey, colour = noise(8, 8), noise(8, 8, 3)
    paths = [save(tmp_path / "grey.png", grey), save(tmp_path / "colour.png", colour)]
    assert (read_squares(paths[:1]) == grey[None, None]).all()
    both = read_squares(paths)
    assert (both[0] == grey).all() and (both[1] == colour.transpose(2, 0, 1)).all()


def test_other_sizes_become_the_median_square(tmp_path: Path) -> None:
    flat = [
        np.full((height, width), 50 * i, dtype=np.uint8)
        for i, (height, width) in enumerate([(9, 9), (12, 20), (30, 31)])
    ]
    flat[1][:, :4], flat[1][:, 16:] = 255, 255  # outside the central square
    squares = read_squares([save(tmp_path / f"{i}.png", pixels) for i, pixels in enumerate(flat)])
    assert squares.shape == (3, 1, 12, 12)
    assert (squares == np.array([0, 50, 100])[:, None, None, None]).all()


def test_other_modes_become_grey_or_colour_and_upright(tmp_path: Path) -> None:
    colour = noise(4, 4, 3)
    opaque = np.concatenate([colour, np.full((4, 4, 1), 255, dtype=np.uint8)], axis=2)
    assert (np.asarray(read_image(save(tmp_path / "alpha.png", opaque))) == colour).all()
    Image.fromarray(noise(4, 4) > 127).save(tmp_path / "bits.png")
    assert (np.asarray(read_image(tmp_path / "bits.png")) == 255 * (noise(4, 4) > 127)).all()
    turned = Image.Exif()
    turned[0x0112] = 3  # upside down
    save(tmp_path / "turned.png", colour, exif=turned)
    assert (np.asarray(read_image(tmp_path / "turned.png")) == colour[::-1, ::-1]).all()


@pytest.mark.parametrize("keep", [0, 20, 0.5, 0.9])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_truncated_image_is_named(tmp_path: Path, keep: float, suffix: str) -> None:
    path = save(tmp_path / f"broken.{suffix}", noise(32, 32, 3))
    data = path.read_bytes()
    path.write_bytes(data[: int(keep if keep > 1 else keep * len(data))])
    with pytest.raises(DataError, match=rf"broken\.{suffix}: cannot be read as an image: [^\n]+$"):
        read_squares([path])


def test_sixteen_bits_are_refused_not_clipped(tmp_path: Path) -> None:
    path = save(tmp_path / "deep.png", noise(4, 4).astype(np.uint16) * 257)
    with pytest.raises(DataError, match=r"deep\.png: I;16 pixels, allowed: 8 bits"):
        read_squares([path])
