"""The findings in README.md and docs: a table of the claims, generated from claims.yaml and reference.json."""

from __future__ import annotations

import re
from pathlib import Path

from difflab.errors import UserError
from difflab.history.claims import Claims, load_claims
from difflab.history.reference import Reference, load_reference
from difflab.history.verify import JudgedClaim, judged_claims
from difflab.outputs import written_whole

BLOCK = re.compile(r"(<!-- findings(?P<systems>[\w ,-]*) -->\n).*?(<!-- /findings -->)", re.DOTALL)


def write_findings(files: list[Path]) -> None:
    """Replace the blocks between `<!-- findings SYSTEM, … -->` (none: all systems) and `<!-- /findings -->`.

    Raises UserError when there is no reference, or no such block in a file.
    """
    claims, reference = load_claims(), load_reference()
    if reference is None:
        raise UserError("reference.json: not found; `difflab reference` writes it")
    for file in files:
        text = file.read_text()
        if not BLOCK.search(text):
            raise UserError(f"{file}: found no block, allowed: a file with <!-- findings --> and <!-- /findings -->")
        with written_whole(file) as partial:
            partial.write_text(with_findings(text, claims, reference))


def with_findings(text: str, claims: Claims, reference: Reference) -> str:
    """`text` with its blocks as claims and reference have them."""

    def block(found: re.Match[str]) -> str:
        return found[1] + table(claims, reference, found["systems"].replace(",", " ").split()) + found[3]

    return BLOCK.sub(block, text)


def table(claims: Claims, reference: Reference, systems: list[str]) -> str:
    """A row for each claim of `systems` (none: all): its text, its measurement for each training seed, its support."""
    rows = [c for c in judged_claims(claims, {}, reference) if not systems or c.here.claim.system in systems]
    seeds = ", ".join(map(str, reference.seeds))
    lines = [f"| finding | measured with training seeds {seeds} | holds for |", "|---|---|---|"]
    lines += [f"| {row.text} | {measured(row)} | {row.support} |" for row in rows]
    return "\n".join(lines) + "\n"


def measured(claim: JudgedClaim) -> str:
    """The left side of its first inequality for each seed of the reference."""
    return ", ".join(f"{outcome.values[0]:.3g}" if outcome.values else "–" for outcome in claim.seeds)
