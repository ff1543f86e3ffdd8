"""Two files of a recipe's metrics side by side, if they were taken by the same protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from difflab.errors import UserError, read_json
from difflab.evaluation.intervals import Estimate

RULE = (
    "B − A with the 95 % interval that those of A and B imply (Newcombe 1998, method 10; its generalisation MOVER);\n"
    "outside the noise when that leaves out 0, as one in twenty does by chance."
)


def compare_metrics(path_a: Path, path_b: Path) -> pd.DataFrame:
    """One row for each metric that both files hold: A, B, B − A, and whether the difference is outside the noise.

    Raises UserError when a file is not a recipe's metrics, or when the protocols differ, naming the first field.
    """
    a, b = _flat(path_a), _flat(path_b)
    _require_same_protocol(a, b, path_a, path_b)
    names = [name for name in a if name in b and _is_metric(name)]
    rows = [_row(name.removesuffix(".value"), _estimate(a, name), _estimate(b, name)) for name in names]
    return pd.DataFrame(rows, columns=["metric", "A", "B", "B − A", "outside the noise"])


def _flat(path: Path) -> dict[str, Any]:
    """The file's values by dotted name, such as mnistm.frechet.value."""
    metrics = read_json(path)
    flat = pd.json_normalize(metrics).iloc[0].to_dict() if metrics else {}
    flat = {name: value for name, value in flat.items() if not name.startswith("reported.")}
    if not any(".protocol." in name for name in flat):
        raise UserError(f"{path}: found no protocol, allowed: metrics of a recipe, as stages/evaluate.py writes them")
    return flat


def _require_same_protocol(a: dict[str, Any], b: dict[str, Any], path_a: Path, path_b: Path) -> None:
    for name in [*a, *b]:
        found = a.get(name), b.get(name)
        if ".protocol." in name and found[0] != found[1]:
            raise UserError(
                f"{name}: found {found[0]!r} in {path_a} and {found[1]!r} in {path_b}, allowed: the same one"
            )


def _is_metric(name: str) -> bool:
    *_, last = name.split(".")
    return "." in name and ".protocol." not in name and last not in {"low", "high", "floor", "real"}


def _estimate(flat: dict[str, Any], name: str) -> Estimate | float:
    stem = name.removesuffix(".value")
    return Estimate(flat[name], flat[f"{stem}.low"], flat[f"{stem}.high"]) if f"{stem}.low" in flat else flat[name]


def _row(name: str, a: Estimate | float, b: Estimate | float) -> tuple[str, str, str, str, str]:
    if isinstance(a, Estimate) and isinstance(b, Estimate):
        difference = b.minus(a)
        outside = "yes" if difference.low > 0 or difference.high < 0 else "no"
        return name, _text(a), _text(b), _text(difference), outside
    assert isinstance(a, float) and isinstance(b, float)
    return name, f"{a:.4g}", f"{b:.4g}", f"{b - a:+.4g}", "no interval"


def _text(estimate: Estimate) -> str:
    return f"{estimate.value:.4g} [{estimate.low:.4g}, {estimate.high:.4g}]"
