"""The commands and programs in README.md and docs/."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROGRAMS = ("difflab", "dvc", "snakemake", "make", "git", "python", "pip", "uv", "source")
INLINE = re.compile(rf"`(?:[A-Z_]+=\S+ )*((?:{'|'.join(PROGRAMS)}) [^`]+)`")


def blocks(language: str) -> list[str]:
    """All fenced blocks of that language."""
    return [text for page in PAGES for found, text in BLOCK.findall(page.read_text()) if found == language]


def commands() -> list[str]:
    """Each once: the lines of sh blocks, those after "$ " in others, and those in a sentence."""
    found = [line for text in blocks("sh") for line in text.replace("\\\n", " ").splitlines()]
    for page in PAGES:
        text = page.read_text()
        found += re.findall(r"^\$ (.+)$", text, re.MULTILINE)
        found += INLINE.findall(BLOCK.sub("", text))
    words = [shlex.split(part, comments=True) for line in found for part in line.split(" && ")]
    return list(dict.fromkeys(shlex.join(w) for w in words if w))
