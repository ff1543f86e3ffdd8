"""A folder in the layout of Fill50k: disks, their outlines, and prompts."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def write_pairs(folder: Path, prompts: Sequence[str], size: int) -> None:
    """A pair for each prompt, `size` pixels a side; its disk has a place of its own."""
    generator = np.random.default_rng(0)
    lines = []
    for number, prompt in enumerate(prompts):
        x, y = generator.uniform(0.35, 0.65, 2) * size
        box = (x - size / 4, y - size / 4, x + size / 4, y + size / 4)
        for name, fill, outline in (("source", None, "white"), ("target", "red", None)):
            image = Image.new("RGB", (size, size))
            ImageDraw.Draw(image).ellipse(box, fill, outline)
            (folder / name).mkdir(parents=True, exist_ok=True)
            image.save(folder / name / f"{number}.png")
        lines.append({"source": f"source/{number}.png", "target": f"target/{number}.png", "prompt": prompt})
    write_index(folder, lines)


def write_index(folder: Path, lines: Sequence[object]) -> None:
    """prompt.json with a line of JSON for each of `lines`; texts as they are."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (folder / "prompt.json").write_text("\n".join(texts) + "\n", encoding="utf-8")
