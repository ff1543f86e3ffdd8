"""Inputs by content: `inputs/KEY` leads to the file or folder of the user's that a key of params.yaml names.

DVC hashes what a link leads to, so that a changed file reruns the stages that depend on its link, and no others. In
place of a link, a key that names nothing of the user's, or a model of the hub, has a small file.
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
CHECKED = FOLDER / "params.checked"  # says that params.yaml was checked; its content never changes


def link_inputs(params: Params) -> None:
    """Make `inputs/` lead to all that `params` names, and write CHECKED; what is right already is left alone."""
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
        if not place.exists() or place.read_bytes() != text.encode():  # as a kill or a full disk leaves it
            place.write_text(text, encoding="utf-8")


def named_inputs(params: Params) -> Iterator[tuple[str, list[Path]]]:
    """For each key its files or folders: none, one, or the several files of a data set of torchvision's."""
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
    """What `fetch` reads; what it downloads is nothing of the user's."""
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
    """The path that `name` is, unless it is null or that of a model of the hub."""
    return [Path(name)] if name is not None and Path(name).exists() else []


def _below(folder: Path) -> list[Path]:
    """All that is in a folder, without what links lead to: the user's own files stay as they are."""
    return [Path(parent, name) for parent, folders, files in os.walk(folder) for name in [*folders, *files]]
