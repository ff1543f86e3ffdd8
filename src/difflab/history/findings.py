"""Tables of claims in Markdown, between `<!-- findings SYSTEM, … -->` (none: all systems) and `<!-- /findings -->`."""

from __future__ import annotations

import re

from difflab.history.claims import Claims
from difflab.history.measurements import Numbers
from difflab.history.reference import Reference
from difflab.history.verify import judged_claims

BLOCK = re.compile(r"(<!-- findings(?P<systems>[\w ,-]*) -->\n).*?(<!-- /findings -->)", re.DOTALL)


def with_findings(
    text: str, claims: Claims, reference: Reference, metrics: dict[str, Numbers], one_model: set[str]
) -> str:
    """`text` with its blocks brought up to date."""

    def block(found: re.Match[str]) -> str:
        systems = found["systems"].replace(",", " ").split()
        return found[1] + table(claims, reference, metrics, one_model, systems) + found[3]

    return BLOCK.sub(block, text)


def table(
    claims: Claims, reference: Reference, metrics: dict[str, Numbers], one_model: set[str], systems: list[str]
) -> str:
    """A row for each claim of `systems` (none: all): its text, the left side of its first inequality, and its support.

    They are those of the seeds of the reference or, where it lacks the numbers, those of one run: `metrics`. A claim
    about the files of `one_model`, by stem, has one value: it is the same for all seeds.
    """
    one_run = {"holds": "one run", "does not hold": "no: one run", "not measured": "not measured"}
    lines = [
        f"| finding | measured (training seeds {', '.join(map(str, reference.seeds))}) | holds for |",
        "|---|---|---|",
    ]
    for judged in judged_claims(claims, metrics, reference, one_model):
        if not systems or judged.here.claim.system in systems:
            runs = judged.seeds[: 1 if judged.one_model else None] or [judged.here]
            values = ", ".join(f"{run.values[0]:.3g}" for run in runs if run.values)
            support = judged.support if judged.seeds else one_run[judged.here.state]
            lines.append(f"| {judged.here.claim.text} | {values} | {support} |")
    return "\n".join(lines) + "\n"
