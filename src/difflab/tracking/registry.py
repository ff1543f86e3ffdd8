"""MLflow's model registry: the trained recipes, each version with its files, metrics and card."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from difflab.errors import UserError, parse_json
from difflab.history.dvc_lock import LockedStage, maker
from difflab.history.revisions import Revision
from difflab.tracking.store import Store

HEADLINES = ("value", "low", "high")
OWN_PIPELINES = ("DigitPipeline", "UnconditionalPipeline")  # of difflab.diffusion.pipelines; the others are diffusers'


def model_card(folder: str, revision: Revision) -> str:
    """Markdown: how to load the model of `folder`, what it reaches, and what it was made from."""
    made = maker(revision.lock, folder)
    if made is None:
        raise UserError(f"{folder}: found no stage in dvc.lock that makes it")
    stage, out = made
    name = Path(folder).name
    lines = [f"# {name}", "", "```python", *loading_code(folder, stage, revision), "```", ""]
    lines += [f"Made by `{stage.command}`; `{out}` has the MD5 {stage.outs[out]} in dvc.lock.", "", "## Metrics", ""]
    headlines = headline_metrics(name, revision)
    lines += [f"- {metric}: {value}" for metric, value in headlines.items()] or ["None of its own."]
    lines += ["", "## Parameters", "", "```json", json.dumps(stage.params, indent=2), "```", ""]
    return "\n".join(lines)


def loading_code(folder: str, stage: LockedStage, revision: Revision) -> list[str]:
    """Lines of Python that load the pipeline in `folder` and, where it is a recipe's, sample one image.

    Raises UserError when `revision` does not have the folder.
    """
    index = revision.read(f"{folder}/model_index.json")
    if index is None:
        raise UserError(f"{folder}/model_index.json: not found in {revision}")
    kind = parse_json(index, f"{folder}/model_index.json")["_class_name"]
    load = f'pipe = {kind}.from_pretrained("{folder}")'
    if kind not in OWN_PIPELINES:
        return [f"from diffusers import {kind}", "", load]
    shown = ""
    if kind == "DigitPipeline":
        domain, digits = next(iter(stage.params[f"recipes.{Path(folder).name}.data"].items()))
        shown = f'digit={digits[0]}, domain="{domain}", '
    return [
        "import torch",
        f"from difflab.diffusion.pipelines import {kind}",
        "",
        load,
        "generator = torch.Generator().manual_seed(0)",
        "steps = min(25, pipe.scheduler.config.num_train_timesteps)",
        f"image = pipe({shown}num_inference_steps=steps, generator=generator).images[0]",
    ]


def headline_metrics(recipe: str, revision: Revision) -> dict[str, str]:
    """Values with their intervals of metrics/RECIPE.json, but those of single digits."""
    content = revision.read(f"metrics/{recipe}.json")
    found: dict[str, str] = {}

    def collect(values: dict, key: str) -> None:
        for name, value in values.items():
            inside = f"{key}.{name}".strip(".")
            if isinstance(value, dict) and "low" in value:
                found[inside] = "{:.4g} ({:.4g} to {:.4g})".format(*(value[part] for part in HEADLINES))
            elif isinstance(value, dict) and not name.endswith("_by_digit"):
                collect(value, inside)

    collect(parse_json(content, f"metrics/{recipe}.json of {revision}") if content else {}, "")
    return found


def register(store: Store, recipe: str, run_id: str, revision: Revision) -> None:
    """A version of the model `recipe` with the files that the stage of `run_id` left, and what was measured on it."""
    from mlflow.exceptions import MlflowException

    folder = Path("models", recipe)
    md5 = revision.lock[f"train@{recipe}"].outs[str(folder)]
    try:
        store.client.create_registered_model(recipe, description="A recipe of params.yaml, trained")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    versions = store.client.search_model_versions(f"name = '{recipe}' and run_id = '{run_id}'")
    version = next((version for version in versions if version.tags.get("dvc.md5") == md5), None)
    if version is None:
        uploaded = _upload(store, folder, run_id)
        tags = {"dvc.md5": md5}
        version = store.client.create_model_version(recipe, uploaded, run_id, tags)
    for metric, text in headline_metrics(recipe, revision).items():
        store.client.set_model_version_tag(recipe, version.version, metric, text)
    store.client.update_model_version(recipe, version.version, model_card(str(folder), revision))


def _upload(store: Store, folder: Path, run_id: str) -> str:
    """Its files but the snapshots of its training, and where they are now."""
    with tempfile.TemporaryDirectory() as temporary:
        kept = Path(temporary, "model")
        for file in folder.rglob("*"):
            relative = file.relative_to(folder)
            if file.is_file() and relative.parts[0] != "snapshots" and not file.name.startswith("."):
                (kept / relative).parent.mkdir(parents=True, exist_ok=True)
                (kept / relative).symlink_to(file.resolve())
        store.client.log_artifacts(run_id, temporary)
    return f"{store.client.get_run(run_id).info.artifact_uri}/model"
