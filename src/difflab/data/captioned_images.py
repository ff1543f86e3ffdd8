"""Images with captions, listed in a JSON Lines file.

The folder has the layout of Hugging Face's imagefolder: metadata.jsonl has one object for each image, as in diffusers'
train_text_to_image.py.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from difflab.data.images import SIDEWAYS, central_square, read_image, turn_of, use_image
from difflab.errors import DataError

INDEX = "metadata.jsonl"
FILE, CAPTION = "file_name", "text"
EXAMPLE = '{"file_name": "0.png", "text": "a red circle"}'


@dataclass(frozen=True)
class CaptionedImages:
    """N captions and the files of their images."""

    captions: list[str]
    files: list[Path]

    def __len__(self) -> int:
        return len(self.captions)

    def part(self, numbers: range) -> "CaptionedImages":
        """The images with the consecutive indices `numbers`."""
        rows = slice(numbers.start, numbers.stop)
        return CaptionedImages(self.captions[rows], self.files[rows])


def read_captioned_images(folder: str | Path) -> CaptionedImages:
    """The entries of metadata.jsonl, in order; no image is opened.

    Raises DataError, naming the line, as `read_entries` does.
    """
    entries = read_entries(Path(folder, INDEX), (FILE,), (CAPTION,), EXAMPLE)
    return CaptionedImages([entry[CAPTION] for entry in entries], [Path(folder, entry[FILE]) for entry in entries])


def read_entries(index: str | Path, paths: Sequence[str], texts: Sequence[str], example: str) -> list[dict[str, str]]:
    """The values of the keys `paths` and `texts` in each line of `index`; empty lines are skipped.

    `example`: a valid line, for error messages. Raises DataError, naming the line, when a line is not a JSON object
    with these keys, a path leads out of the folder or a value is empty, or when the file is missing or has no lines.
    """
    entries = [
        _entry(line, place, paths, texts, f"a JSON object such as {example}") for place, line in _lines(Path(index))
    ]
    if not entries:
        raise DataError(f"{index}: found no line, allowed: in each a JSON object such as {example}")
    return entries


def _lines(index: Path) -> Iterator[tuple[str, str]]:
    """(FILE: line N, line) for each line that is not empty."""
    try:
        lines = index.read_text(encoding="utf-8-sig").split("\n")  # not splitlines(): JSON may hold U+2028, U+0085, …
    except FileNotFoundError:
        raise DataError(f"{index}: not found, allowed: a file with a JSON object in each line") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{index}: cannot be read: {error}") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield f"{index}: line {number}", line


def _entry(line: str, place: str, paths: Sequence[str], texts: Sequence[str], allowed: str) -> dict[str, str]:
    try:
        entry: Any = json.loads(line)
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        raise DataError(f"{place}: found {line.strip()[:60]!r}, allowed: {allowed}")
    for key in (*paths, *texts):
        text: Any = entry.get(key)
        if not isinstance(text, str) or not text.strip():
            found = f"no {key}" if key not in entry else f"{key} {json.dumps(text)[:60]}"
            raise DataError(f"{place}: found {found}, allowed: {allowed}")
    for key in paths:
        path = PurePosixPath(entry[key])
        if path.is_absolute() or ".." in path.parts:
            raise DataError(f"{place}: found {key} {entry[key]!r}, allowed: a path inside the folder")
    return {key: entry[key] for key in paths} | {key: entry[key].strip() for key in texts}


def read_rgb(files: Sequence[str | Path], size: int) -> Tensor:
    """The `central_square` of each file: (N, 3, size, size) uint8. Raises DataError if one cannot be read."""
    return torch.from_numpy(np.stack([central_square(read_image(file), "RGB", size) for file in files]))


def size_of(file: Path) -> tuple[int, int]:
    """Width and height of an image after its EXIF rotation. Only PNG files with EXIF data are decoded.

    Raises DataError if the file cannot be read as an image.
    """

    def upright(image: Image.Image) -> tuple[int, int]:
        width, height = image.size
        may_turn = image.format != "PNG" or b"eXIf" in file.read_bytes()  # Pillow decodes a PNG to find it
        return (height, width) if may_turn and turn_of(image) in SIDEWAYS else (width, height)

    return use_image(file, upright)
