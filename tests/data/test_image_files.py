"""Image files in folders: which are found, which are skipped with a warning, and which are refused."""

import re
from pathlib import Path

import pytest

from difflab.data.image_files import find_images
from difflab.errors import DataError

NAMES = [
    *("a.png", "a.PNG", "a.jpg", "a.JPG", "a.jpeg", "a.JPEG", "a.jfif", "a.webp", "a.WEBP", "a.tif", "a.TIFF", "a.bmp"),
    *("a.gif", "a.pgm", "a.ppm", "a.jp2", "README.png"),
]


def names(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in find_images(folder)]


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_images_are_found_in_all_folders_in_order(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/10.JPG", "a/1.jpeg"):
        touch(tmp_path / name)
    assert names(tmp_path) == ["a/1.jpeg", "b/10.JPG", "b/2.png"]


@pytest.mark.parametrize("name", NAMES)
def test_what_pillow_reads_is_found_whatever_the_case(tmp_path: Path, name: str) -> None:
    touch(tmp_path / name)
    assert names(tmp_path) == [name]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (".DS_Store", r"1 \.DS_Store"),
        ("._a.png", r"1 \._\*"),
        (".hidden.jpg", r"1 \.hidden\.jpg"),
        (".git/objects/ab.png", r"1 \.git/"),
        ("__MACOSX/._a.png", "1 __MACOSX/"),
        ("@eaDir/a.png", "1 @eaDir/"),
        ("Thumbs.db", r"1 Thumbs\.db"),
        ("b/desktop.ini", r"1 desktop\.ini"),
        ("README", "1 README"),
        ("readme.md", r"1 readme\.md"),
        ("LICENSE.txt", r"1 LICENSE\.txt"),
    ],
)
def test_known_rubbish_is_skipped_and_said(tmp_path: Path, name: str, said: str, capsys) -> None:
    for path in ("a.png", name):
        touch(tmp_path / path)
    assert names(tmp_path) == names(tmp_path) == ["a.png"]
    (line,) = capsys.readouterr().err.splitlines()  # once, however often
    assert re.fullmatch(rf"{re.escape(str(tmp_path))}: skipped .*: {said}", line)


def test_no_folder_and_no_images_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent: no such folder"):
        find_images(tmp_path / "absent")
    touch(tmp_path / ".DS_Store")
    with pytest.raises(DataError, match=r"no images in it, allowed: JPEG, PNG, WEBP"):
        find_images(tmp_path)


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere/b.png")
    touch(tmp_path / "images/a.png")
    for link in ("images/link", "images/other"):
        (tmp_path / link).symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/loop").symlink_to(tmp_path / "images")
    assert names(tmp_path / "images") == ["a.png", "link/b.png"]
