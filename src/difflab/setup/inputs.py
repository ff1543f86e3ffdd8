"""Inputs by content: `inputs/KEY` links to the user's file or folder that a key of params.yaml names.

DVC hashes the target of a link, so a changed file reruns only the stages that depend on its link. For a key that names
no file, or a model of the hub, there is a small text file instead of a link.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from difflab.config.params import Params
    from difflab.config.personalization import ConceptParams

FOLDER = Path("inputs")
CHECKED = FOLDER / "params.checked"  # marks params.yaml as checked; its content never changes


def link_inputs(params: Params) -> None:
    """Link everything that `params` names below `inputs/` and write CHECKED; correct links and files are kept."""
    links: dict[Path, Path] = {}
    texts = {CHECKED: "params.yaml: checked\n"}
    for key, paths in named_inputs(params):
        place = FOLDER / key
        if not paths:
            texts[place] = "nothing of the user's\n"
        elif len(paths) == 1:
            links[place] = paths[0].absolute()
        else:
            links |= {place / path.name: path.absolute() for path in paths}
    folders = {folder for place in [*links, *texts] for folder in place.parents}
    for place in _below(FOLDER):
        if place.is_symlink():
            right = links.get(place) == place.readlink()
        else:
            right = place in (folders if place.is_dir() else texts)
        if not right and place.parent.is_dir():
            shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    for place, target in links.items():
        if not place.is_symlink():
            place.symlink_to(target)
    for place, text in texts.items():
        if not place.exists() or place.read_bytes() != text.encode():  # or damaged by a kill or a full disk
            place.write_text(text, encoding="utf-8")


def named_inputs(params: Params) -> Iterator[tuple[str, list[Path]]]:
    """The files or folders of each key: none, one, or several for a torchvision data set."""
    yield "judge.checkpoint", _there(params.judge.checkpoint)
    yield "evaluation.inception_weights", _there(params.evaluation.inception_weights)
    if faces := params.faces:
        yield "faces.checkpoint", _there(faces.checkpoint)
        yield "faces.sampling.noises", _there(faces.sampling.noises)
        yield "faces.reference", _there(faces.reference)
    if clip := params.clip:
        yield "clip.pretrained", _there(clip.pretrained)
    if text_to_image := params.text_to_image:
        yield "text_to_image.pretrained", _there(text_to_image.pretrained)
        yield "text_to_image.images.folder", _there(text_to_image.images.folder)
    if zero_shot := params.zero_shot:
        yield "zero_shot.images", _there(zero_shot.images)
    if controlnet := params.controlnet:
        yield "controlnet.pairs.folder", _there(controlnet.pairs.folder)
    if personalization := params.personalization:
        yield "personalization.input", _there(personalization.input)
        for name, concept in personalization.concepts.items():
            yield f"personalization.concepts/{name}", _photographs(concept, personalization.input)
    yield from _data_sets(params)


def _photographs(concept: ConceptParams, course_input: str | None) -> list[Path]:
    if concept.images is None and course_input is None:
        return []
    from difflab.systems.personalization.concepts import photograph_folder

    return [photograph_folder(concept, course_input)]


def _data_sets(params: Params) -> Iterator[tuple[str, list[Path]]]:
    """The user's files that `fetch` reads; downloaded files are not included."""
    root, sets = params.data.root, params.data.sets
    for name, one in sets.items():
        kind, _, of = one.source.partition("/")
        match kind:
            case "torchvision" | "blended" if root is not None:
                from difflab.data.torchvision_files import files_of

                yield f"data/{name}", [Path(root, "torchvision", file) for file in files_of(of)]
            case "embedded" | "torchvision":
                yield f"data/{name}", []
            case _:
                yield f"data/{name}", [Path(root or ".", one.path or name)]
    blended = any(one.source.startswith("blended/") for one in sets.values())
    yield "data/blended-photos", [Path(str(root), "photos")] if blended else []


def _there(name: str | None) -> list[Path]:
    """The path `name`, unless it is null or the id of a model of the hub."""
    return [Path(name)] if name is not None and Path(name).exists() else []


def _below(folder: Path) -> list[Path]:
    """Everything in a folder, without following links to the user's files."""
    return [Path(parent, name) for parent, folders, files in os.walk(folder) for name in [*folders, *files]]
