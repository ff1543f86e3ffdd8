"""Tables of claims in Markdown, between `<!-- findings NAME, … -->` and `<!-- /findings -->`.

A name is that of a claim, or of a system for all its claims; without names, the table has all claims.
"""

from __future__ import annotations

import re

from difflab.errors import UserError
from difflab.history.claims import Claims
from difflab.history.measurements import Numbers
from difflab.history.reference import Reference
from difflab.history.verify import judged_claims

BLOCK = re.compile(r"(<!-- findings(?P<names>[\w ,-]*) -->\n).*?(<!-- /findings -->)", re.DOTALL)


def with_findings(
    text: str, claims: Claims, reference: Reference, metrics: dict[str, Numbers], one_model: set[str]
) -> str:
    """`text` with updated blocks. Raises UserError if a block names neither a claim nor a system."""

    def block(found: re.Match[str]) -> str:
        names = found["names"].replace(",", " ").split()
        return f"{found[1]}\n{table(claims, reference, metrics, one_model, names)}\n{found[3]}"

    return BLOCK.sub(block, text)


def table(
    claims: Claims, reference: Reference, metrics: dict[str, Numbers], one_model: set[str], names: list[str]
) -> str:
    """A row for each claim in `names` (if empty, all): its text, the left side of its first inequality, its support.

    The values are those of the reference's seeds or, if it lacks the numbers, those of one run, `metrics`. A claim on
    files in `one_model`, by stem, has a single value, which is the same for all seeds.
    """
    systems = {claim.system for claim in claims.claims.values()}
    for name in names:
        if name not in claims.claims and name not in systems:
            raise UserError(
                f"<!-- findings: found {name!r}, allowed: a claim of claims.yaml, {', '.join(sorted(systems))}"
            )
    one_run = {"holds": "one run", "does not hold": "no: one run", "not measured": "not measured"}
    lines = [
        f"| finding | measured (training seeds {', '.join(map(str, reference.seeds))}) | holds for |",
        "|---|---|---|",
    ]
    for judged in judged_claims(claims, metrics, reference, one_model, gone=set()):
        if not names or {judged.name, judged.here.claim.system} & set(names):
            runs = judged.seeds[: 1 if judged.one_model else None] or [judged.here]
            values = ", ".join(f"{run.values[0]:.3g}" for run in runs if run.values)
            support = judged.support if judged.seeds else one_run[judged.here.state]
            lines.append(f"| {judged.here.claim.text} | {values} | {support} |")
    return "\n".join(lines) + "\n"
