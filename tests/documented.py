"""The commands, sessions and programs in README.md and docs/."""

import doctest
import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROGRAMS = ("difflab", "dvc", "snakemake", "make", "git", "python", "pip", "uv", "source")
INLINE = re.compile(rf"`(?:[A-Z_]+=\S+ )*((?:{'|'.join(PROGRAMS)}) [^`]+)`")
OF_THE_TUTORIAL = "models/letters"  # which a test of its own makes


def blocks(language: str) -> list[str]:
    """All fenced blocks of that language."""
    return [text for page in PAGES for found, text in BLOCK.findall(page.read_text()) if found == language]


def sessions() -> dict[str, list[tuple[str, str]]]:
    """The commands in the console blocks of each page, with the output that it shows."""
    found = {}
    for page in PAGES:
        text = "".join(block for language, block in BLOCK.findall(page.read_text()) if language == "console")
        if text:
            found[page.relative_to(ROOT).as_posix()] = re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
    return found


def is_shown(output: str, expected: str) -> bool:
    """Whether `output` is what a page shows; there … stands for anything, and lines may break elsewhere."""
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(expected.replace("…", "..."), output, options)


def commands() -> list[str]:
    """Each once: the lines of sh blocks, those after "$ " in others but sessions, and those in a sentence."""
    found = [line for text in blocks("sh") for line in text.replace("\\\n", " ").splitlines()]
    for page in PAGES:
        text = page.read_text()
        others = "".join(block for language, block in BLOCK.findall(text) if language != "console")
        found += re.findall(r"^\$ (.+)$", others, re.MULTILINE)
        found += INLINE.findall(BLOCK.sub("", text))
    words = [shlex.split(part, comments=True) for line in found for part in line.split(" && ")]
    return list(dict.fromkeys(shlex.join(w) for w in words if w))
