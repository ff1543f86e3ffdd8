"""MLflow's model registry: trained recipes, each version with files, metrics and a model card."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from difflab.data.classes import DIGITS
from difflab.errors import UserError, parse_json, read_json
from difflab.history.dvc_lock import LockedStage, maker
from difflab.history.measurements import parse_metrics
from difflab.history.revisions import Revision, listed
from difflab.tracking.sampling_model import CONDITIONAL, save_as_mlflow_model
from difflab.tracking.store import Store

ARTIFACTS = (".png", ".gif", ".json")
CONDITION = "condition/config.json"  # in the folder of a recipe
OWN_PIPELINES = (CONDITIONAL, "UnconditionalPipeline")  # in difflab.diffusion.pipelines; others are in diffusers


def model_card(folder: str, revision: Revision) -> str:
    """Markdown with code that loads the pipeline in `folder`, its metrics and its training parameters."""
    made = maker(revision.lock, folder)
    if made is None:
        raise UserError(f"{folder}: found no stage in dvc.lock that makes it")
    stage, out = made
    name = Path(folder).name
    metrics = "\n".join(f"- {metric}: {value}" for metric, value in headline_metrics(name, revision).items())
    return f"""\
# {name}

```python
{_loading_code(folder, stage, revision)}
```

Made by `{stage.command}`; `{out}` has the MD5 {stage.outs[out]} in dvc.lock.

## Metrics

{metrics or "None of its own."}

## Parameters

```json
{json.dumps(stage.params, indent=2)}
```
"""


def _loading_code(folder: str, stage: LockedStage, revision: Revision) -> str:
    """Python code that loads a pipeline and, for a recipe, samples an image. Raises UserError if there is none."""
    index = revision.read(f"{folder}/model_index.json")
    if index is None:
        raise UserError(f"{folder}/model_index.json: not found in {revision}")
    kind, shown = parse_json(index, f"{folder}/model_index.json")["_class_name"], ""
    load = f'pipe = {kind}.from_pretrained("{folder}")'
    if kind not in OWN_PIPELINES:
        return f"from diffusers import {kind}\n\n{load}"
    if kind == CONDITIONAL:
        condition = parse_json(revision.require(f"{folder}/{CONDITION}"), f"{folder}/{CONDITION}")
        name, domain = _first_class(stage.params[f"recipes.{Path(folder).name}.data"], condition)
        shown = f"digit={name!r}, domain={domain!r}, "
    return f"""\
import torch
from difflab.diffusion.pipelines import {kind}

{load}
steps = min(25, pipe.scheduler.config.num_train_timesteps)
generator = torch.Generator().manual_seed(0)
image = pipe({shown}num_inference_steps=steps, generator=generator).images[0]"""


def _first_class(data: dict[str, Any], condition: dict[str, Any]) -> tuple[int | str, str]:
    """A class that a recipe has learned (a digit or a name), and its domain. `condition`: its config.json."""
    domain, names = next(iter(data.items()))
    classes = condition.get("classes", DIGITS)
    name = str(classes[0] if names == "all" else names[0])
    return name if "classes" in condition else int(name), domain


def headline_metrics(recipe: str, revision: Revision) -> dict[str, str]:
    """The measurements of metrics/RECIPE.json with an interval, except those of single classes."""
    content = revision.read(f"metrics/{recipe}.json")
    found = parse_metrics(content, f"metrics/{recipe}.json of {revision}").measurements if content else []
    return {
        measurement.name: f"{measurement.value:.4g} ({measurement.low:.4g} to {measurement.high:.4g})"
        for measurement in found
        if measurement.estimate and not re.search(r"_by_(digit|class)\.", measurement.name)
    }


def register(store: Store, recipe: str, run_id: str, revision: Revision) -> None:
    """Register a version of the model `recipe`: the files from the stage of run `run_id`, and their metrics."""
    from mlflow.exceptions import MlflowException

    folder = f"models/{recipe}"
    md5 = revision.lock[f"train@{recipe}"].outs[folder]
    try:
        store.client.create_registered_model(recipe, description="A trained recipe of params.yaml")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    versions = store.client.search_model_versions(f"name = '{recipe}' and run_id = '{run_id}'")
    version = next((version for version in versions if version.tags.get("dvc.md5") == md5), None)
    if version is None:
        _upload(store, recipe, run_id, revision)
        source = f"{store.client.get_run(run_id).info.artifact_uri}/model"
        version = store.client.create_model_version(recipe, source, run_id, {"dvc.md5": md5})
    for metric, text in headline_metrics(recipe, revision).items():
        store.client.set_model_version_tag(recipe, version.version, metric, text)
    store.client.update_model_version(recipe, version.version, model_card(folder, revision))


def _upload(store: Store, recipe: str, run_id: str, revision: Revision) -> None:
    """Log the model as the artifact `model`, without the training snapshots."""
    folder = f"models/{recipe}"
    stage = revision.lock[f"train@{recipe}"]
    with tempfile.TemporaryDirectory() as temporary:
        files = Path(temporary, "files", recipe)
        for name in _files(folder, stage.outs[folder]):
            if Path(name).parts[0] != "snapshots" and not Path(name).name.startswith("."):
                (files / name).parent.mkdir(parents=True, exist_ok=True)
                (files / name).write_bytes(revision.require(f"{folder}/{name}"))
        index = read_json(files / "model_index.json")
        example: dict[str, Any] = {"seed": 0}
        if index["_class_name"] == CONDITIONAL:
            name, domain = _first_class(stage.params[f"recipes.{recipe}.data"], read_json(files / CONDITION))
            example |= {"digit": name, "domain": domain}
        size = read_json(files / "unet/config.json")["sample_size"] * index.get("patch_size", 1)
        save_as_mlflow_model(files, Path(temporary, "upload/model"), example, size)
        store.client.log_artifacts(run_id, f"{temporary}/upload")


def _files(folder: str, md5: str) -> list[str]:
    """The file names in a folder of dvc.lock, from DVC's cache or else from the working folder."""
    there = [str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()]
    return list(listed(md5)) or there


def log_results(store: Store, run_id: str, made: LockedStage, revision: Revision) -> None:
    """Log the figures and metrics files of a stage, and the card of a model."""
    with tempfile.TemporaryDirectory() as folder:
        for path in made.outs:
            content = revision.read(path) if path.endswith(ARTIFACTS) else None
            if content is None and revision.read(f"{path}/model_index.json"):
                path, content = f"{path}/model_card.md", model_card(path, revision).encode()
            if content is not None:
                file = Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        if any(Path(folder).iterdir()):
            store.client.log_artifacts(run_id, folder)
