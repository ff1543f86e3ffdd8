"""Labelled images as a folder: `val/{class}_{index}.png`, and `id2label.json` with the name of each class."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from difflab.saved import refusal

LABELS, IMAGES = "id2label.json", "val"


@dataclass(frozen=True)
class LabelledFolder:
    """`labels`, in words, of the classes; `files`, sorted by class and index, and the index in `labels` of each."""

    labels: list[str]
    files: list[Path]
    classes: list[int]


def read_labelled_folder(folder: str | Path) -> LabelledFolder:
    """Underscores in a label stand for spaces.

    Raises UserError where a file is missing, is no JSON object of names, or an image's class has no name.
    """
    folder = Path(folder)
    names = _read_names(folder / LABELS)
    numbers = sorted(names)
    found = [(file, re.fullmatch(r"(\d+)_(\d+)", file.stem)) for file in (folder / IMAGES).glob("*.png")]
    for file, match in found:
        if not match or int(match[1]) not in names:
            raise refusal(str(file), "no class", f"CLASS_INDEX.png, CLASS being one of {LABELS}")
    if not found:
        raise refusal(str(folder / IMAGES), "no images", "CLASS_INDEX.png")
    keyed = sorted((int(match[1]), int(match[2]), file) for file, match in found if match)
    return LabelledFolder(
        [names[number].replace("_", " ") for number in numbers],
        [file for _, _, file in keyed],
        [numbers.index(number) for number, _, _ in keyed],
    )


def _read_names(path: Path) -> dict[int, str]:
    allowed = 'a JSON object such as {"0": "tabby", "1": "cougar"}'
    try:
        names = json.loads(path.read_text(encoding="utf-8-sig"))
        if names and all(isinstance(name, str) for name in names.values()):
            return {int(number): name for number, name in names.items()}
    except FileNotFoundError:
        raise refusal(str(path), "no such file", allowed) from None
    except (OSError, ValueError, AttributeError) as error:
        raise refusal(str(path), f"{type(error).__name__}", allowed) from None
    raise refusal(str(path), "names that are no text, or none", allowed)
