"""The comparison page of two revisions: changed parameters and metrics, and pairs of figures with a slider."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from difflab.history.changes import causes
from difflab.history.compare import RULE, ComparedRevisions
from difflab.pipeline.files import atomic_write
from difflab.report.html import Embedded, embed, render
from difflab.report.systems import FigureText, load_systems


@dataclass(frozen=True)
class Pair:
    """A figure that differs between A and B; `causes`: the upstream changes that explain it."""

    path: str
    text: FigureText
    a: Embedded
    b: Embedded
    causes: list[str]

    @property
    def slides(self) -> bool:
        """Whether the slider can overlay the figures; animations would not stay in sync."""
        return (self.a.width, self.a.height) == (self.b.width, self.b.height) and not self.path.endswith(".gif")


def write_comparison(compared: ComparedRevisions, folder: Path = Path("report")) -> Path:
    """Write the page, named after the two revisions. Raises UserError if a figure that differs is missing."""
    names = (str(revision).replace("/", "-").replace(" ", "-") for revision in (compared.a, compared.b))
    path = folder / f"{'..'.join(names)}.html"
    page = render("comparison.html", compared=compared, pairs=read_pairs(compared), rule=RULE)
    with atomic_write(path) as partial:
        partial.write_text(page, encoding="utf-8")
    return path


def read_pairs(compared: ComparedRevisions) -> list[Pair]:
    a, b, systems = compared.a, compared.b, load_systems()
    pairs = []
    for path, stage in compared.differing.items():
        text = systems.text_of(path, stage.name.partition("@")[2])
        old, new = (embed(path, revision.require(path)) for revision in (a, b))
        pairs.append(Pair(path, text, old, new, [str(change) for change in causes(stage.name, a.lock, b.lock)]))
    return pairs
