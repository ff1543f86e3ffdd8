"""The names of pipelines in MLflow: profile, commit and changes, as in `cpu · 1f4c96d · seed 1`."""

from __future__ import annotations

from typing import Any

from difflab.config.load import parse_yaml
from difflab.errors import UserError
from difflab.history.changes import flat, text_of
from difflab.pipeline.run_records import RunRecord
from difflab.setup.profiles import CONF, compose

SHOWN = 3  # changes listed in a name; more are only counted


def pipeline_name(record: RunRecord) -> str:
    """The name of the pipeline run to which `record` belongs."""
    commit = f"{record.commit[:7]}{'+' if record.edited else ''}" if record.commit else "no commit"
    parts = [*filter(None, [record.experiment]), commit]
    if record.params_file.exists():
        profile, changes = nearest_profile(parse_yaml(record.params_file.read_bytes(), str(record.params_file)))
        parts.insert(-1, profile)
        parts += changes if len(changes) <= SHOWN else [f"{len(changes)} changes"]
    else:
        parts.append(record.params_sha256[:6])
    return " · ".join(parts)


def nearest_profile(params: dict[str, Any]) -> tuple[str, list[str]]:
    """The profile in conf/ that differs least from `params`, and its changes, with the last part of each key."""
    found: list[tuple[str, list[str]]] = []
    for name in sorted(path.stem for path in CONF.glob("*.yaml")):
        try:
            found.append((name, _differences(compose(name, []), params)))
        except UserError:
            continue  # not valid, perhaps because the user is editing it
    return min(found, key=lambda item: len(item[1]), default=("params", []))


def _differences(profile: dict[str, Any], params: dict[str, Any]) -> list[str]:
    before, after = (
        {key: value for key, value in flat(tree).items() if not key.startswith("runtime.")}
        for tree in (profile, params)
    )
    changed = [f"{key.rpartition('.')[2]} {plain(after[key])}" for key in after if before.get(key) != after[key]]
    return changed + [f"no {key.rpartition('.')[2]}" for key in before.keys() - after.keys()]


def plain(value: Any) -> str:
    """A value as shown on MLflow's pages: as in params.yaml, with text unquoted."""
    return value if isinstance(value, str) else text_of(value)
