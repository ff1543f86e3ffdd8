"""Supported image formats, and the image files of a folder."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from PIL import Image, features

from difflab.errors import DataError

# Pillow's names, with the feature that Pillow must be built with.
FORMATS = {
    "JPEG": "jpg",
    "PNG": "zlib",
    "WEBP": "webp",
    "TIFF": None,
    "BMP": None,
    "GIF": None,
    "PPM": None,
    "JPEG2000": "jpg_2000",
    "AVIF": "avif",
}
RUBBISH = {"thumbs.db", "desktop.ini"}  # and hidden files
RUBBISH_FOLDERS = {"__MACOSX", "@eaDir"}  # and hidden folders
DOCUMENTS, TEXT = {"README", "LICENSE", "LICENCE", "COPYING", "NOTICE"}, {"", ".md", ".rst", ".txt"}


def find_images(folder: str | Path) -> list[Path]:
    """All image files under `folder`, sorted; links to folders are followed.

    Hidden files, Thumbs.db, desktop.ini, __MACOSX/, @eaDir/, READMEs and licenses are skipped, with one line on stderr.
    Raises DataError when the folder does not exist, has no images or contains any other file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    images: list[Path] = []
    others: list[Path] = []
    skipped: Counter[str] = Counter()
    for path in _files(folder):
        if kind := _skipped_as(path.relative_to(folder)):
            skipped[kind] += 1
        else:
            (images if is_image(path) else others).append(path)
    if others:
        more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
        allowed = f"images ({', '.join(formats())}), README, LICENSE"
        raise DataError(f"{min(others)}: found no image that can be read{more}, allowed: {allowed}")
    if not images:
        raise DataError(f"{folder}: no images in it, allowed: {', '.join(formats())}")
    if skipped:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(skipped.items()))
        say(f"{folder}: skipped files that are no images: {kinds}")
    return sorted(images)


def is_image(path: Path) -> bool:
    """Whether `path` is a file with the suffix of a supported format, in upper or lower case."""
    return path.suffix.lower() in _suffixes() and path.is_file()


def is_document(path: Path) -> bool:
    """Whether `path` is hidden, or a file or folder that is allowed next to images, such as a README."""
    return bool(_skipped_as(Path(path.name))) or path.name in RUBBISH_FOLDERS


@cache
def formats() -> list[str]:
    """The FORMATS that the installed Pillow can read."""
    return [name for name, feature in FORMATS.items() if feature is None or features.check(feature)]


@cache
def say(line: str) -> None:
    """Print a line on stderr, at most once per process: some folders are scanned several times."""
    print(line, file=sys.stderr, flush=True)


@cache
def _suffixes() -> set[str]:
    return {suffix for suffix, name in Image.registered_extensions().items() if name in formats()}


def _files(folder: Path) -> Iterator[Path]:
    """Every file below `folder`; a folder that several links point to is visited once."""
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        folders.sort()
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        yield from (Path(place, name) for name in names)


def _refuse(error: OSError) -> None:
    raise DataError(f"{error.filename}: cannot be read: {error.strerror}")


def _skipped_as(path: Path) -> str | None:
    """The kind of skipped file that the relative `path` is, such as ._*; None if it is not skipped."""
    for part in path.parts[:-1]:
        if part.startswith(".") or part in RUBBISH_FOLDERS:
            return f"{part}/"
    if path.name.startswith("."):
        return "._*" if path.name.startswith("._") else path.name
    is_document = path.stem.upper() in DOCUMENTS and path.suffix.lower() in TEXT
    return path.name if is_document or path.name.lower() in RUBBISH else None
