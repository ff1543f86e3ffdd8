"""`difflab check`: checks before any work that everything named in params.yaml exists and can be used.

Libraries that read images and tensors are imported only if the user names such files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from difflab.config.diffusion import FacesParams
from difflab.config.language import ControlNetParams, TextToImageParams
from difflab.config.load import ParamsError
from difflab.config.params import Params
from difflab.config.personalization import ConceptParams, PersonalizationParams
from difflab.config.training import trainings
from difflab.errors import UserError, read_json
from difflab.models.hub import is_hub_id, is_weights_file
from difflab.setup.prompts import check_prompts
from difflab.setup.sets import check_sets

# Sections whose stages start a process for each of runtime.gpus.
OF_SEVERAL_PROCESSES = ("faces.checkpoint", "faces.sampling", "text_to_image", "controlnet", "personalization.input")


def check_params(params: Params) -> None:
    """Raises UserError, one line with the full key, for the first thing that is missing or cannot be used."""
    check_sets(params)
    _check_optimizers(params)
    for key, name, check in _named(params):
        if name is not None:
            try:
                _require_reachable(key, name, params.runtime.gpus)
                check(name)
            except UserError as error:
                line = str(error)
                raise ParamsError(f"params.yaml: {line if _begins_with_key(line) else f'{key}: {line}'}") from None
    check_prompts(params)


def _require_reachable(key: str, name: str, gpus: int) -> None:
    """With several GPUs, other processes than the first work in another folder, see difflab.pipeline.processes."""
    if gpus > 1 and key.startswith(OF_SEVERAL_PROCESSES) and Path(os.path.normpath(name)).parts[:1] == (os.pardir,):
        raise _refusal(f"{name!r} with runtime.gpus {gpus}", "an absolute path, or one in this folder")


def _begins_with_key(line: str) -> bool:
    """Whether an error names a key of params.yaml, such as controlnet.pairs.folder, and not a file."""
    section, dot, _ = line.partition(":")[0].partition(".")
    return bool(dot) and section in Params.model_fields


def _check_optimizers(params: Params) -> None:
    for key, training in trainings(params):
        if training.optimizer == "adamw_8bit" and find_spec("bitsandbytes") is None:
            line = "found 'adamw_8bit' without the package bitsandbytes, allowed: adam, adamw, or install it"
            raise ParamsError(f"params.yaml: {key}.optimizer: {line}")


def _named(params: Params) -> Iterator[tuple[str, str | None, Callable[[str], None]]]:
    """Key, name and check of each file, folder or model that a parameter can name."""
    yield "judge.checkpoint", params.judge.checkpoint, _judge
    yield "evaluation.inception_weights", params.evaluation.inception_weights, _inception
    if faces := params.faces:
        yield "faces.checkpoint", faces.checkpoint, _face_model
        yield "faces.sampling.noises", faces.sampling.noises, lambda _: _noises(faces, params)
        yield "faces.reference", faces.reference, lambda folder: _reference(Path(folder), faces)
    if clip := params.clip:
        yield "clip.pretrained", clip.pretrained, lambda name: _model(name, "config.json")
    if text_to_image := params.text_to_image:
        yield "text_to_image.pretrained", text_to_image.pretrained, lambda name: _model(name, "model_index.json")
        yield "text_to_image.images.folder", text_to_image.images.folder, lambda _: _captioned_images(text_to_image)
    if zero_shot := params.zero_shot:
        yield "zero_shot.images", zero_shot.images, _labelled_images
    if controlnet := params.controlnet:
        yield "controlnet.pairs.folder", controlnet.pairs.folder, lambda _: _pairs(controlnet)
    if personalization := params.personalization:
        yield "personalization.input", personalization.input, lambda _: _course_input(personalization)
        for name, concept in personalization.concepts.items():
            key = f"personalization.concepts.{name}.images"
            yield key, concept.images, lambda _, it=concept: _photographs(it, None)


def _refusal(found: str, allowed: str) -> UserError:
    return UserError(f"found {found}, allowed: {allowed}")


def _file(name: str) -> None:
    if not Path(name).is_file():
        what = "which is a folder" if Path(name).is_dir() else "which does not exist"
        raise _refusal(f"{name!r}, {what}", "null, or a file")


def _folder(name: str | Path) -> None:
    if not Path(name).is_dir():
        what = "which is not a folder" if Path(name).exists() else "which does not exist"
        raise _refusal(f"{str(name)!r}, {what}", "null, or a folder")


def _model(name: str, index: str) -> None:
    """A folder with the file `index`, or a hub id, which is not looked up here."""
    if Path(name).is_dir():
        if not Path(name, index).is_file():
            raise _refusal(f"{name!r} without {index} in it", f"null, a folder with {index}, or a hub id")
    elif Path(name).is_file():
        from difflab.models.weights_file import layout_in

        raise _refusal(f"{name!r}, {layout_in(name)}", f"null, a folder with {index}, or a hub id")
    elif not is_hub_id(name):
        what = "which is not a folder" if Path(name).exists() else "which does not exist"
        raise _refusal(f"{name!r}, {what}", "null, a folder, or a hub id such as ORGANIZATION/NAME")


def _judge(name: str) -> None:
    _file(name)
    from difflab.classifiers.digit_classifier import load_course_classifier

    load_course_classifier(name)


def _face_model(name: str) -> None:
    _file(name) if is_weights_file(name) else _model(name, "model_index.json")


def _inception(name: str) -> None:
    _file(name)
    from difflab.evaluation.inception import check_weights

    check_weights(name)


def _noises(faces: FacesParams, params: Params) -> None:
    """The image size is known in advance unless the model is a file or from the hub."""
    sampling = faces.sampling
    _folder(str(sampling.noises))
    from difflab.systems.faces.noises import noise_files, starting_noises

    for file in noise_files(sampling):
        if not file.is_file():
            raise _refusal(f"no {file}", f"one noise for each of faces.sampling.num_noises = {sampling.num_noises}")
    if (size := _face_size(faces, params)) is not None:
        starting_noises(sampling, size)


def _face_size(faces: FacesParams, params: Params) -> int | None:
    """Pixels per side of the sampled faces; None if it cannot be known here."""
    checkpoint = faces.checkpoint
    if checkpoint is None:
        [name] = faces.data
        return params.data.sets[name].size or params.prepare.face_size
    index, config = Path(checkpoint, "model_index.json"), Path(checkpoint, "unet/config.json")
    if not (index.is_file() and config.is_file()):
        return None
    size = read_json(config).get("sample_size")
    return size * read_json(index).get("patch_size", 1) if isinstance(size, int) else None


def _reference(folder: Path, faces: FacesParams) -> None:
    _folder(folder)
    from difflab.systems.faces.evaluation import reference_images
    from difflab.systems.faces.files import face_files

    files = face_files(faces.sampling, 0.0, faces.sampling.step_seeds[0])
    reference_images(folder, [file.stem for file in files])


def _labelled_images(folder: str) -> None:
    _folder(folder)
    from difflab.systems.zero_shot.labeled_folder import read_labeled_folder

    read_labeled_folder(folder)


def _captioned_images(text_to_image: TextToImageParams) -> None:
    folder = str(text_to_image.images.folder)
    _folder(folder)
    from difflab.data.captioned_images import size_of
    from difflab.systems.text_to_image.own_images import train_and_held_out

    train, held_out = train_and_held_out(text_to_image.images)
    _require_batch("text_to_image", text_to_image.training.batch_size, len(train), f"the images of {folder}")
    for file in [*train.files, *held_out.files]:
        size_of(file)


def _require_batch(section: str, size: int, count: int, what: str) -> None:
    if count < size:
        found = f"{section}.training.batch_size: found {size}"
        raise UserError(f"{found}, allowed: at most {count}, {what} to train with")


def _pairs(controlnet: ControlNetParams) -> None:
    folder = str(controlnet.pairs.folder)
    _folder(folder)
    from difflab.systems.controlnet.pairs import read_pairs, require_images, split_pairs

    pairs = read_pairs(folder)
    train, _ = split_pairs(pairs, controlnet.pairs.num_validation)
    _require_batch("controlnet", controlnet.training.batch_size, len(train), f"the pairs of {folder}")
    require_images(pairs)


def _course_input(personalization: PersonalizationParams) -> None:
    """Check the file, its prompts, and the images of each concept."""
    from difflab.systems.personalization.prompts import prompts_of

    prompts_of(personalization.multi_concept.prompts, personalization.concepts, personalization.input)
    for concept in personalization.concepts.values():
        _photographs(concept, personalization.input)


def _photographs(concept: ConceptParams, course_input: str | None) -> None:
    from difflab.systems.personalization.concepts import photograph_folder, photographs

    photographs(photograph_folder(concept, course_input))
