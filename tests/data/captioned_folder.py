"""A folder in the layout of imagefolder: images of one color, and their captions."""

import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

COLORS = ("red", "green", "blue")


def write_captioned(folder: Path, captions: Sequence[str], size: int) -> None:
    """An image for each caption, `size` pixels a side, in the colors of COLORS in turn."""
    (folder / "images").mkdir(parents=True)
    lines = []
    for number, caption in enumerate(captions):
        Image.new("RGB", (size, size), COLORS[number % len(COLORS)]).save(folder / f"images/{number}.png")
        lines.append({"file_name": f"images/{number}.png", "text": caption})
    write_metadata(folder, lines)


def write_metadata(folder: Path, lines: Sequence[object]) -> None:
    """metadata.jsonl with a line of JSON for each of `lines`; texts as they are."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (folder / "metadata.jsonl").write_text("\n".join(texts) + "\n", encoding="utf-8")
