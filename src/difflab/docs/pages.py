"""`difflab docs`: the parts of README.md and docs/ generated from claims, reference, metrics, parameters, dvc.yaml."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from difflab.config.params import load_params
from difflab.docs.findings import BLOCK, with_findings
from difflab.docs.metrics import metrics_text
from difflab.docs.numbers import INLINE, TABLE, place_of, with_numbers
from difflab.docs.parameters import parameters_text
from difflab.docs.stages import stages_text
from difflab.errors import UserError, reading
from difflab.history.claims import Claims, load_claims, outcome
from difflab.history.measurements import Numbers, read_metrics
from difflab.history.reference import Reference, load_reference, training_seed_keys
from difflab.history.revisions import Revision
from difflab.history.verify import files_of_one_model
from difflab.pipeline.files import atomic_write

PAGES = ("README.md", "docs/**/*.md")
CLAIM = re.compile(r"<!-- claim (?P<name>[^\n]+?) -->")  # follows a sentence that depends on the claim
REFERENCES: dict[str, Callable[[], str]] = {
    "parameters": parameters_text,
    "stages": stages_text,
    "metrics": metrics_text,
}
REFERENCE = re.compile(rf"(<!-- (?P<name>{'|'.join(REFERENCES)}) -->\n).*?(<!-- /(?P=name) -->)", re.DOTALL)


@dataclass(frozen=True)
class Sources:
    claims: Claims
    reference: Reference
    metrics: dict[str, Numbers]  # by stem of the metrics file
    one_model: set[str]  # see files_of_one_model


def write_pages(files: list[Path], check: bool) -> list[str]:
    """Update the generated parts of `files`, or only compare them if `check` is set; returns a line for each problem.

    If `files` is empty, README.md and all pages of docs/. A sentence whose claim does not hold is always a problem, as
    only a person can correct it. Raises UserError, and writes nothing, if there is no reference, a given file
    has nothing to write, or an expression is not valid.
    """
    sources, wrong, changed = load_sources(), list[str](), dict[Path, str]()
    for file in files or [page for pattern in PAGES for page in sorted(Path().glob(pattern))]:
        with reading(file):
            text = file.read_text(encoding="utf-8")
        if files and not any(pattern.search(text) for pattern in (BLOCK, TABLE, INLINE, CLAIM, REFERENCE)):
            raise UserError(f"{file}: found nothing to write, allowed: a file with such comments as <!-- findings -->")
        written = up_to_date(text, sources, str(file))
        wrong += failed_claims(text, sources, str(file))
        if check:
            wrong += differences(text, written, str(file))
        elif written != text:
            changed[file] = written
    for file, written in changed.items():  # only when all pages are valid
        with atomic_write(file) as partial:
            partial.write_text(written, encoding="utf-8")
    return wrong


def load_sources() -> Sources:
    """The sources in this folder. Raises UserError if there is no reference."""
    claims, reference = load_claims(), load_reference()
    if reference is None:
        raise UserError("reference.json: not found; `difflab reference` writes it")
    one_model = files_of_one_model(claims, Revision(None).lock, training_seed_keys(load_params()))
    metrics = {path.stem: read_metrics(path).numbers for path in sorted(Path("metrics").glob("*.json"))}
    return Sources(claims, reference, metrics, one_model)


def up_to_date(text: str, sources: Sources, page: str) -> str:
    text = with_numbers(text, sources.metrics, page)
    text = with_findings(text, sources.claims, sources.reference, sources.metrics, sources.one_model)
    return REFERENCE.sub(lambda found: found[1] + REFERENCES[found["name"]]() + found[3], text)


def failed_claims(text: str, sources: Sources, page: str) -> Iterator[str]:
    """A line for each `<!-- claim NAME -->` whose claim does not hold for the metrics."""
    for found in CLAIM.finditer(text):
        place, claim = place_of(page, text, found.start()), sources.claims.claims.get(found["name"])
        if claim is None:
            raise UserError(f"{place}: found claim {found['name']!r}, allowed: a claim of claims.yaml")
        if (state := outcome(claim, sources.metrics).state) != "holds":
            yield f"{place}: claim {found['name']}: {state}"


def differences(old: str, new: str, page: str) -> Iterator[str]:
    """One line for each line of `old` that differs, with the words found and expected."""
    before, after = old.splitlines(), new.splitlines()
    for tag, start, stop, new_start, new_stop in SequenceMatcher(None, before, after, False).get_opcodes():
        if tag != "equal" and stop - start != new_stop - new_start:
            yield f"{page}:{start + 1}: found {stop - start} lines, expected {new_stop - new_start}"
        elif tag != "equal":
            for line in range(stop - start):
                words = _words(before[start + line], after[new_start + line])
                yield f"{page}:{start + line + 1}: " + "; ".join(f"found {a!r}, expected {b!r}" for a, b in words)


def _words(old: str, new: str) -> Iterator[tuple[str, str]]:
    before, after = old.split(" "), new.split(" ")
    for tag, start, stop, new_start, new_stop in SequenceMatcher(None, before, after, False).get_opcodes():
        if tag != "equal":
            yield " ".join(before[start:stop]), " ".join(after[new_start:new_stop])
