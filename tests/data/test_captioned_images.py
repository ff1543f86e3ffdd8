"""Folders in the layout of imagefolder: what is read from them, and each fault in a line of its own."""

import json
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from difflab.data.captioned_images import read_captioned_images, read_rgb, size_of
from difflab.data.images import read_image
from difflab.errors import DataError
from tests.data.captioned_folder import write_captioned, write_metadata

CAPTIONS = ["a red wall", "a green wall", "a blue wall"]
LINE = {"file_name": "images/0.png", "text": "a red wall"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_captioned(tmp_path / "walls", CAPTIONS, size=8)
    return tmp_path / "walls"


def test_images_are_in_the_order_of_their_lines(folder: Path) -> None:
    index = folder / "metadata.jsonl"
    index.write_text("\ufeff" + index.read_text().replace("\n", "\n\n"), encoding="utf-8")  # a mark, empty lines
    images = read_captioned_images(folder)
    assert images.captions == CAPTIONS and images.files == [folder / f"images/{k}.png" for k in range(3)]
    assert read_rgb(images.files, 4)[:, :, 0, 0].tolist() == [[255, 0, 0], [0, 128, 0], [0, 0, 255]]
    assert images.part(range(1, 3)).captions == CAPTIONS[1:] and len(images.part(range(1, 3)).files) == 2


def test_other_keys_of_a_line_are_left_alone(folder: Path) -> None:
    write_metadata(folder, [LINE | {"license": "CC0", "text": " a red wall "}])
    assert read_captioned_images(folder).captions == ["a red wall"]


@pytest.mark.parametrize("separator", ["\u2028", "\x85"])
def test_a_line_ends_at_a_line_feed_alone(folder: Path, separator: str) -> None:
    caption = f"a red{separator}wall"
    line = json.dumps(LINE | {"text": caption}, ensure_ascii=False)
    (folder / "metadata.jsonl").write_text(f"{line}\r\n", encoding="utf-8", newline="")
    assert read_captioned_images(folder).captions == [caption]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("[1]", "found '[1]', allowed: a JSON object"),
        ("{text", "found '{text', allowed: a JSON object"),
        ({"file_name": "images/0.png"}, "found no text, allowed"),
        ({"image": "images/0.png", "text": "a red wall"}, "found no file_name, allowed"),
        (LINE | {"text": " "}, 'found text " ", allowed'),
        (LINE | {"text": None}, "found text null, allowed"),
        (LINE | {"file_name": "../0.png"}, "found file_name '../0.png', allowed: a path inside the folder"),
        (LINE | {"file_name": "/0.png"}, "found file_name '/0.png', allowed: a path inside the folder"),
    ],
)
def test_a_bad_line_is_named(folder: Path, line: object, found: str) -> None:
    write_metadata(folder, [LINE, line])
    with pytest.raises(DataError) as error:
        read_captioned_images(folder)
    assert str(error.value).startswith(f"{folder}/metadata.jsonl: line 2: {found}") and "\n" not in str(error.value)


def test_a_folder_without_lines_is_named(folder: Path) -> None:
    write_metadata(folder, [])
    with pytest.raises(DataError, match=r"metadata\.jsonl: found no line"):
        read_captioned_images(folder)
    (folder / "metadata.jsonl").unlink()
    with pytest.raises(DataError, match=r"metadata\.jsonl: not found"):
        read_captioned_images(folder)


def test_a_file_that_is_no_image_is_named_without_decoding(folder: Path) -> None:
    assert size_of(folder / "images/0.png") == (8, 8)
    (folder / "images/0.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"images/0\.png: cannot be read as an image"):
        size_of(folder / "images/0.png")
    with pytest.raises(DataError, match=r"images/9\.png: not found"):
        size_of(folder / "images/9.png")


@pytest.mark.parametrize("orientation", range(10))  # 0 and 9 are none
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_sizes_are_those_of_the_upright_image(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    file = tmp_path / f"wide.{suffix}"
    Image.new("RGB", (6, 4)).save(file, exif=exif)
    assert size_of(file) == read_image(file).size


def test_formats_are_those_that_are_read(tmp_path: Path) -> None:
    file = tmp_path / "image.tga"
    Image.new("RGB", (6, 4)).save(file)
    for read in (size_of, read_image):
        with pytest.raises(DataError, match=r"image\.tga: cannot be read as an image"):
            read(file)


def test_a_png_without_exif_is_not_decoded(tmp_path: Path) -> None:
    file = tmp_path / "0.png"
    Image.effect_noise((60, 40), 50).save(file)
    file.write_bytes(file.read_bytes()[:-100])  # of the pixels
    assert size_of(file) == (60, 40)
    with pytest.raises(DataError):
        read_image(file)
