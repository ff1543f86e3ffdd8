"""Links between the Markdown files of the repository, and which pages are reachable."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
DOCS = sorted(ROOT.glob("docs/**/*.md"))
FOLDERS = ("pretrained/*/README.md", "examples/*.md")
PAGES = [*(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")), *DOCS]
PAGES += [page for folder in FOLDERS for page in sorted(ROOT.glob(folder))]
CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def links(page: Path) -> list[tuple[Path, str]]:
    """File and anchor of each link to a file of the repository."""
    targets = LINK.findall(CODE.sub(lambda code: re.sub(r"[^\n]", "·", code[0]), page.read_text()))
    parts = [target.partition("#") for target in targets if "://" not in target]
    return [((page.parent / path).resolve() if path else page, anchor) for path, _, anchor in parts]


def anchors(page: Path) -> set[str]:
    """The anchors of the headings, as GitHub and the website make them."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    broken = [
        f"{path.relative_to(ROOT)}#{anchor}"
        for path, anchor in links(page)
        if not path.exists() or (anchor and anchor not in anchors(path))
    ]
    assert not broken


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached = {ROOT / "README.md"}
    front = list(reached)
    for page in front:  # which grows
        found = {path for path, _ in links(page) if path.suffix == ".md" and path.exists()} - reached
        reached |= found
        front += sorted(found)
    assert set(DOCS) <= reached


def test_the_navigation_of_the_website_has_every_page_once() -> None:
    named = re.findall(r"[\w/-]+\.md", str(YAML(typ="safe").load(ROOT / "mkdocs.yml")["nav"]))
    assert len(named) == len(set(named))
    assert {str(page.relative_to(ROOT / "docs")) for page in DOCS} <= set(named)


@pytest.mark.parametrize(
    ("pattern", "limit"), [("README.md", 150), ("docs/how-to/*.md", 100), ("docs/expl*/*.md", 100)]
)
def test_pages_are_short(pattern: str, limit: int) -> None:
    lengths = {page.name: len(page.read_text().splitlines()) for page in ROOT.glob(pattern)}
    assert lengths and max(lengths.values()) <= limit, lengths
