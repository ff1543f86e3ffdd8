"""`difflab findings`: the tables of claims in README.md and docs, from claims.yaml, reference.json and metrics/."""

from __future__ import annotations

import re
from pathlib import Path

from difflab.config.params import load_params
from difflab.errors import UserError, reading
from difflab.history.claims import Claims, load_claims
from difflab.history.measurements import Numbers, read_metrics
from difflab.history.reference import Reference, load_reference, training_seed_keys
from difflab.history.revisions import Revision
from difflab.history.verify import files_of_one_model, judged_claims
from difflab.pipeline.files import atomic_write

BLOCK = re.compile(r"(<!-- findings(?P<systems>[\w ,-]*) -->\n).*?(<!-- /findings -->)", re.DOTALL)


def write_findings(files: list[Path]) -> None:
    """Replace the blocks between `<!-- findings SYSTEM, … -->` (none: all systems) and `<!-- /findings -->`.

    Raises UserError when there is no reference, or when a file has no such block.
    """
    claims, reference = load_claims(), load_reference()
    if reference is None:
        raise UserError("reference.json: not found; `difflab reference` writes it")
    one_model = files_of_one_model(claims, Revision(None).lock, training_seed_keys(load_params()))
    metrics = committed_metrics()
    for file in files:
        with reading(file):
            text = file.read_text(encoding="utf-8")
        if not BLOCK.search(text):
            raise UserError(f"{file}: found no block, allowed: a file with <!-- findings --> and <!-- /findings -->")
        with atomic_write(file) as partial:
            partial.write_text(with_findings(text, claims, reference, metrics, one_model), encoding="utf-8")


def committed_metrics(folder: Path = Path("metrics")) -> dict[str, Numbers]:
    """The numbers of the metrics files in `folder`, by stem."""
    return {path.stem: read_metrics(path).numbers for path in sorted(folder.glob("*.json"))}


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
