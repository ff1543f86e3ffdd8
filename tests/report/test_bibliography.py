"""docs/systems.md has what targets.yaml has, and docs/references.bib has every paper that is cited."""

import re
import subprocess
from pathlib import Path

import pytest

from difflab.evaluation.targets import load_targets

ROOT = Path(__file__).parents[2]
SYSTEMS = (ROOT / "docs/systems.md").read_text()
BIBLIOGRAPHY = (ROOT / "docs/references.bib").read_text()
CITED_IN = ("*.py", "*.md", "*.yaml", "*.html")
NAME = r"(?:van der )?[A-Z][a-zäöü][\w-]*"
CITATION = re.compile(rf"({NAME})(?:, ({NAME}))?(?: (?:&|and) ({NAME})| et al\.)? \(?((?:19|20)\d\d)\b(?![-.]\d)")
NOT_PAPERS = {"Debian", "The"}  # "The 2048 pooled features"


def entries() -> dict[str, dict[str, str]]:
    """The fields of each entry by its key."""
    found = {}
    for key, body in re.findall(r"^@\w+\{(\w+),\n(.*?)^\}", BIBLIOGRAPHY, re.MULTILINE | re.DOTALL):
        found[key] = dict(re.findall(r"^  (\w+) = \{(.*)\},$", body, re.MULTILINE))
    return found


def names(entry: dict[str, str]) -> list[str]:
    """Family names of the authors, as they are written in citations."""
    authors = entry["author"].replace(r"{\"a}", "ä").replace(r"{\'n}", "ń")
    return [author.partition(",")[0] for author in authors.split(" and ")]


def citations() -> set[tuple[str, ...]]:
    """The names and the year of each citation in a file that git tracks."""
    listed = subprocess.run(["git", "ls-files", *CITED_IN], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.split() if (ROOT / name).is_file()]
    found = {groups for file in files for groups in CITATION.findall(file.read_text())}
    return {tuple(filter(None, groups)) for groups in found if groups[0] not in NOT_PAPERS}


def test_every_cited_paper_has_an_entry() -> None:
    known = [(names(entry), entry["year"]) for entry in entries().values()]
    cited = citations()
    assert len(cited) >= 35
    missing = {
        citation
        for citation in cited
        if not any(set(citation[:-1]) <= set(authors) and citation[-1] == year for authors, year in known)
    }
    assert not missing


def test_every_entry_is_cited() -> None:
    cited = citations()
    unused = [
        key
        for key, entry in entries().items()
        if not any(set(found[:-1]) <= set(names(entry)) and found[-1] == entry["year"] for found in cited)
    ]
    assert not unused


def test_keys_and_arxiv_ids_of_the_systems_are_those_of_the_bibliography() -> None:
    keys = re.findall(r"\[([a-z]+\d{4}[a-z0-9]+)\]", SYSTEMS)
    assert len(set(keys)) >= 12 and set(keys) <= entries().keys()
    ids = {entry["eprint"] for entry in entries().values() if "eprint" in entry}
    assert set(re.findall(r"arXiv:(\d{4}\.\d{5})", SYSTEMS)) <= ids


@pytest.mark.parametrize("file", ["README.md", "docs/report.md", "metrics/targets.yaml"])
def test_the_systems_are_pointed_to(file: str) -> None:
    assert "systems.md" in (ROOT / file).read_text()


def test_every_reported_number_is_in_the_systems() -> None:
    targets = load_targets(ROOT / "metrics/targets.yaml")
    for length, runs in targets.fid_study.items():
        assert f"| {length} | {' | '.join(f'{run:.3f}' for run in runs)} |" in SYSTEMS
    for recipe in targets.accuracy.values():
        assert f"{recipe.overall.value:.3f}" in SYSTEMS
        for part in recipe.by_domain.values():
            assert f"{part.num_correct}/{part.num_images} = {part.value:.3f}" in SYSTEMS
    shares = [share for methods in targets.adaptation.values() for share in methods.values()]
    assert all(f"{share:.2%}".replace("%", " %") in SYSTEMS for share in [*shares, *targets.zero_shot.accuracies])
