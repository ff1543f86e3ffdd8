"""The scratch folder of a rehearsal: scripts, parameters and inputs at the paths where stages read them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

from difflab.config.params import Params
from difflab.data.captions import vocabulary, words_of
from difflab.models.hub import is_hub_id, split_revision
from difflab.pipeline.files import remove
from difflab.rehearsal.small import CAPTIONED, PHOTOGRAPHS, small
from difflab.rehearsal.work import Numbers, size_of, tree_of

FOLDER = Path(".cache/rehearsal")
COPIED = ("dvc.yaml", "metrics/targets.yaml")
DVC_CONFIG = "[core]\n    no_scm = true\n    analytics = false\n"
STAND_INS = {
    "faces.checkpoint": "the sizes of google/ddpm-celebahq-256",
    "clip.pretrained": "the sizes of CLIP ViT-B/32",
    "text_to_image.pretrained": "the sizes of Stable Diffusion 1.4",
}


def make_scratch(
    params: Params, steps: int, on_gpu: bool, threads: int, classes: dict[str, tuple[str, ...]]
) -> tuple[Params, Numbers, list[str]]:
    """Create FOLDER for a rehearsal of `params`; returns its parameters, numbers of images, and notes for the user.

    `classes`: class names by data set. Removes the folder of an earlier rehearsal.
    """
    remove(FOLDER)
    for name in COPIED:
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, FOLDER / name)
    (FOLDER / ".dvc").mkdir()
    (FOLDER / ".dvc/config").write_text(DVC_CONFIG, encoding="utf-8")
    (FOLDER / "stages").symlink_to(Path("stages").resolve())
    given, notes = _with_models(params)
    cut, numbers = small(given, steps, on_gpu, threads, classes)
    (FOLDER / "params.yaml").write_text(json.dumps(tree_of(cut), indent=1) + "\n", encoding="utf-8")  # also YAML
    return cut, numbers, notes


def write_inputs(cut: Params, numbers: Numbers, kinds: Collection[str]) -> None:
    """Write the data into FOLDER, and random models that stages of these kinds load and that are not available."""
    from difflab.rehearsal import stand_ins

    sizes = {name: size_of(cut, name) for name in cut.data.sets}
    stand_ins.write_data(FOLDER / "data", numbers, sizes)
    for name, concept in cut.personalization.concepts.items() if cut.personalization else []:
        if concept.images is not None:
            stand_ins.write_photographs(FOLDER / PHOTOGRAPHS / name, numbers.photographs)
    if cut.text_to_image and cut.text_to_image.images.folder is not None:
        count = numbers.captioned + cut.text_to_image.images.num_validation
        stand_ins.write_captioned(FOLDER / CAPTIONED, count)
    models = (
        ("faces.checkpoint", cut.faces and cut.faces.checkpoint, "faces", stand_ins.write_face_model),
        (
            "clip.pretrained",
            cut.clip and cut.clip.pretrained,
            "clip",
            lambda folder: stand_ins.write_clip(folder, _words(cut)),
        ),
        (
            "text_to_image.pretrained",
            cut.text_to_image and cut.text_to_image.pretrained,
            "autoencoder",
            lambda folder: stand_ins.write_text_to_image(folder, _words(cut)),
        ),
    )
    for key, name, kind, write in models:
        if name == _stand_in(key) and kind in kinds:
            write(FOLDER / key)


def _stand_in(key: str) -> str:
    return str((FOLDER / key).resolve())


def _with_models(params: Params) -> tuple[Params, list[str]]:
    """`params` with absolute paths to the user's files, and a path in FOLDER for each missing model; and notes."""
    tree, notes = tree_of(params), ["data: random images replace all data sets, photographs and captioned images"]
    for key in ("judge.checkpoint", "evaluation.inception_weights", "faces.sampling.noises", *STAND_INS):
        *sections, last = key.split(".")
        section = tree
        for name in sections:
            section = section.get(name, {})
        name = section.get(last)
        if name is None or _is_cached(name):
            continue
        if Path(name).exists():
            section[last] = str(Path(name).resolve())
        elif key in STAND_INS:
            section[last] = _stand_in(key)
            notes.append(f"{key}: {name} not found; replaced by random weights with {STAND_INS[key]}")
        else:
            section[last] = None
            notes.append(f"{key}: {name} not found; treated as null")
    return Params.model_validate(tree), notes


def _is_cached(name: str) -> bool:
    """Whether it is a model of the hub that is in the local cache."""
    if Path(name).exists() or not is_hub_id(name):
        return False
    from huggingface_hub import try_to_load_from_cache

    model, revision = split_revision(name)
    indices = ("config.json", "model_index.json")
    return any(isinstance(try_to_load_from_cache(model, index, revision=revision), str) for index in indices)


def _words(cut: Params) -> list[str]:
    """All words that can occur in prompts of the rehearsal."""
    colors = cut.circles.colors if cut.circles else []
    return [*vocabulary(colors), *words_of(" ".join(_texts(tree_of(cut))))]


def _texts(node: Any) -> list[str]:
    if isinstance(node, dict):
        return [text for value in node.values() for text in _texts(value)]
    if isinstance(node, list):
        return [text for value in node for text in _texts(value)]
    return [node] if isinstance(node, str) else []
