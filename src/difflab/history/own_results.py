"""Which entries of dvc.lock are results of a params.yaml: a killed run leaves entries of the run before it."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, cast

from difflab.history.dvc_lock import Lock, LockedStage, makers
from difflab.history.made_here import locked_md5
from difflab.setup.inputs import FOLDER as INPUTS


def results_of_params(lock: Lock, params: dict[str, Any]) -> list[LockedStage]:
    """The stages that ran with the values of `params`, on outputs of upstream stages for which the same holds."""
    known: dict[str, bool] = {}
    return [stage for stage in lock.values() if _is_result(stage, lock, params, known)]


def _is_result(stage: LockedStage, lock: Lock, params: dict[str, Any], known: dict[str, bool]) -> bool:
    if stage.name not in known:
        known[stage.name] = all(_value(params, key) == value for key, value in stage.params.items()) and all(
            locked_md5(lock, dep) in (None, md5)
            and all(_is_result(made, lock, params, known) for made in makers(lock, dep))
            for dep, md5 in stage.deps.items()
            if PurePath(dep).parts[0] != str(INPUTS)  # from check_params, which reads all parameters
        )
    return known[stage.name]


def _value(params: Any, key: str) -> Any:
    """The value of a dotted key; None if there is none."""
    for name in key.split("."):
        params = cast("dict[str, Any]", params).get(name) if isinstance(params, dict) else None
    return params
