"""The findings in README.md and docs: a table of the claims, from claims.yaml, reference.json and metrics/."""

from __future__ import annotations

import re
from pathlib import Path

from difflab.errors import UserError, read_json, reading
from difflab.history.claims import Claims, load_claims
from difflab.history.measurements import Numbers, numbers_by_name
from difflab.history.reference import Reference, load_reference
from difflab.history.verify import JudgedClaim, judged_claims
from difflab.pipeline.files import atomic_write

BLOCK = re.compile(r"(<!-- findings(?P<systems>[\w ,-]*) -->\n).*?(<!-- /findings -->)", re.DOTALL)


def write_findings(files: list[Path]) -> None:
    """Replace the blocks between `<!-- findings SYSTEM, … -->` (none: all systems) and `<!-- /findings -->`.

    Raises UserError when there is no reference, or no such block in a file.
    """
    claims, reference = load_claims(), load_reference()
    if reference is None:
        raise UserError("reference.json: not found; `difflab reference` writes it")
    for file in files:
        with reading(file):
            text = file.read_text(encoding="utf-8")
        if not BLOCK.search(text):
            raise UserError(f"{file}: found no block, allowed: a file with <!-- findings --> and <!-- /findings -->")
        with atomic_write(file) as partial:
            partial.write_text(with_findings(text, claims, reference, committed_metrics()), encoding="utf-8")


def committed_metrics(folder: Path = Path("metrics")) -> dict[str, Numbers]:
    """The numbers of the metrics files in `folder`, by stem."""
    return {path.stem: numbers_by_name(read_json(path)) for path in sorted(folder.glob("*.json"))}


def with_findings(text: str, claims: Claims, reference: Reference, metrics: dict[str, Numbers]) -> str:
    """`text` with its blocks as claims, reference and metrics have them."""

    def block(found: re.Match[str]) -> str:
        return found[1] + table(claims, reference, metrics, found["systems"].replace(",", " ").split()) + found[3]

    return BLOCK.sub(block, text)


def table(claims: Claims, reference: Reference, metrics: dict[str, Numbers], systems: list[str]) -> str:
    """A row for each claim of `systems` (none: all): its text, its measurements, and for how many seeds it holds.

    A claim whose numbers the reference does not have is that of one run, of `metrics`.
    """
    rows = [c for c in judged_claims(claims, metrics, reference) if not systems or c.here.claim.system in systems]
    lines = [f"| finding | measured (training seeds {', '.join(map(str, reference.seeds))}) | holds for |"]
    lines += ["|---|---|---|", *(f"| {row.text} | {measured(row)} | {support(row)} |" for row in rows)]
    return "\n".join(lines) + "\n"


def measured(claim: JudgedClaim) -> str:
    """The left side of its first inequality for each seed of the reference, or for the one run."""
    return ", ".join(f"{outcome.values[0]:.3g}" for outcome in claim.seeds or [claim.here] if outcome.values)


def support(claim: JudgedClaim) -> str:
    if claim.seeds:
        return claim.support
    return {"holds": "one run", "does not hold": "no: one run"}.get(claim.here.state, "not measured")
