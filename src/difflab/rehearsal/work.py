"""The work of each stage at full size, from parameters and numbers of images, to extrapolate a few steps to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from difflab.config.data import CirclesParams
from difflab.config.diffusion import All, RecipeParams
from difflab.config.language import PairsParams, TextToImageParams
from difflab.config.params import Params
from difflab.config.personalization import PersonalizationParams
from difflab.config.training import TrainingParams
from difflab.data.classes import as_names
from difflab.errors import read_json
from difflab.systems.controlnet.pairs import read_pairs
from difflab.systems.text_to_image.autoencoder import encoded_at_once

PROCESS_ROWS = 8  # noises in figures/process_RECIPE.png, and columns of figures/training_RECIPE.gif


@dataclass(frozen=True)
class Numbers:
    """Numbers of training and validation images by data set, of photographs of each concept, and of captioned images.

    `classes`: class names by data set.
    """

    train: dict[str, int]
    validation: dict[str, int]
    photographs: int
    classes: dict[str, tuple[str, ...]]
    captioned: int


@dataclass(frozen=True)
class Latents:
    """The text-to-image model: pixels per side of its images, and float32 bytes of the latents of one image."""

    image_size: int
    num_bytes: int


def tree_of(params: Params) -> dict[str, Any]:
    """`params` as a tree like params.yaml, with all defaults and without omitted sections."""
    return {key: value for key, value in params.model_dump().items() if value is not None}


def latents_of(model: TextToImageParams) -> Latents:
    """Read from the model's folder if it exists; for a model of the hub, those of Stable Diffusion 1."""
    network, pretrained = model.autoencoder.network, model.pretrained
    if pretrained is None:
        size, channels, levels = network.image_size, network.latent_channels, len(network.block_out_channels)
    elif (folder := Path(pretrained)).is_dir():
        config, unet = read_json(folder / "vae/config.json"), read_json(folder / "unet/config.json")
        channels, levels = config["latent_channels"], len(config["block_out_channels"])
        size = unet["sample_size"] * 2 ** (levels - 1)
    else:
        size, channels, levels = 512, 4, 4
    return Latents(size, 4 * channels * (size // 2 ** (levels - 1)) ** 2)


@dataclass(frozen=True)
class Work:
    """`images` are trained on in steps of `batch_size`, or sampled; `at_once`: images in one forward pass.

    `denoising_steps`: for all images together, 0 for a training. `data_bytes`: size of the training examples, which are
    kept on the device.
    """

    unit: Literal["step", "image"]
    images: int
    batch_size: int
    at_once: int
    denoising_steps: int = 0
    data_bytes: int = 0
    encoded: int = 1  # images of a data set that the autoencoder encodes at once


def is_of(description: str, work: Work) -> bool:
    """Whether a progress bar counts the images of `work` and not of a preparation."""
    return description != "encoding" and (description == "training") == (work.unit == "step")


def work_of(kind: str, item: str, params: Params, numbers: Numbers) -> Work | None:
    """The work of the stage `kind`@`item`; None if it neither trains nor samples."""
    match kind:
        case "judge" if params.judge.checkpoint is None or item != "mnistm":
            return _of_images(params.judge.training, numbers.train[item], params, item)
        case "train":
            recipe = params.recipes[item]
            return _of_images(recipe.training, _recipe_images(recipe, numbers), params, next(iter(recipe.data)))
        case "adapt" if params.adaptation:
            scenario = next(name for name in params.adaptation.scenarios if item.startswith(f"{name}-"))
            domains = scenario.split("-")
            count, runs = max(numbers.train[domain] for domain in domains), params.adaptation.num_runs
            return _of_images(params.adaptation.training, count, params, domains[0], runs)
    return (
        _face_model(kind, params, numbers)
        or _of_scenes(kind, params, numbers)
        or _classes_sampled(kind, item, params, numbers.classes)
        or _prompts_sampled(kind, params)
    )


def _of_scenes(kind: str, params: Params, numbers: Numbers) -> Work | None:
    """The work of trainings on circles: CLIP, the text-to-image model and everything based on it."""
    circles, clip, model, controlnet = params.circles, params.clip, params.text_to_image, params.controlnet
    if kind == "clip" and circles and clip and clip.pretrained is None:
        examples = circles.num_train + numbers.train["mnist"]
        return _trained(clip.training, examples, _image_bytes(clip.network.image_size))
    if circles is None or model is None:
        return None
    latents, personalization = latents_of(model), params.personalization
    encoded = encoded_at_once(latents.image_size)
    match kind:
        case "autoencoder" | "text_to_image" if model.pretrained is None:
            section = model.autoencoder if kind == "autoencoder" else model
            return replace(_trained(section.training, circles.num_train, latents.num_bytes), encoded=encoded)
        case "text_to_image" if model.images.folder is not None:
            return replace(_trained(model.training, numbers.captioned, latents.num_bytes), encoded=encoded)
        case "controlnet" if controlnet:
            examples = _control_examples(controlnet.pairs, circles)
            return replace(_trained(controlnet.training, examples, latents.num_bytes), encoded=encoded)
        case "invert" if personalization:
            examples, runs = _concept_rows(personalization, numbers), personalization.num_runs
            return _trained(personalization.inversion, examples, latents.num_bytes, runs)
        case "custom_diffusion" if personalization:
            return _custom_diffusion(personalization, numbers, latents)
    return None


def _trained(training: TrainingParams, examples: int, example_bytes: int, runs: int = 1) -> Work:
    size = training.batch_size
    images = runs * training.num_epochs * (examples // size) * size
    return Work("step", images, size, size // training.gradient_accumulation_steps, data_bytes=examples * example_bytes)


def _control_examples(pairs: PairsParams, circles: CirclesParams) -> int:
    """Number of examples: scenes of one circle, or pairs in the folder that are not held out."""
    if pairs.folder is not None:
        return len(read_pairs(pairs.folder)) - pairs.num_validation
    return round((1 - circles.two_circles) * circles.num_train)


def _of_images(training: TrainingParams, examples: int, params: Params, name: str, runs: int = 1) -> Work:
    """The work of a training on images of the size of the data set `name`."""
    return _trained(training, examples, _image_bytes(size_of(params, name)), runs)


def _recipe_images(recipe: RecipeParams, numbers: Numbers) -> int:
    """Number of training images of a recipe, assuming equally frequent classes."""
    splits = [numbers.train] if recipe.hold_out_validation else [numbers.train, numbers.validation]
    return sum(
        split[domain] * len(named(names, numbers.classes[domain])) // len(numbers.classes[domain])
        for domain, names in recipe.data.items()
        for split in splits
    )


def size_of(params: Params, name: str) -> int:
    """Pixels per side of the images of a data set."""
    one = params.data.sets[name]
    return one.size or (params.prepare.digit_size if one.persons is None else params.prepare.face_size)


def named(names: Sequence[str | int] | All, classes: tuple[str, ...]) -> Sequence[str]:
    """The class names that a recipe uses of a data set with `classes`."""
    return classes if names == "all" else as_names(names)


def _image_bytes(size: int) -> int:
    return 3 * size**2


def _concept_rows(personalization: PersonalizationParams, numbers: Numbers) -> int:
    """Number of examples of a concept: each image, also flipped, with each template."""
    return 2 * numbers.photographs * len(personalization.templates)


def _custom_diffusion(personalization: PersonalizationParams, numbers: Numbers, latents: Latents) -> Work:
    """The work for all groups of concepts, without sampling the prior images, which takes little time."""
    groups, training = _groups(personalization), personalization.custom_diffusion.training
    rows = len(groups[0]) * _concept_rows(personalization, numbers) + personalization.custom_diffusion.prior.num_images
    runs = len(groups) * personalization.num_runs
    return _trained(training, rows, latents.num_bytes, runs)


def _groups(personalization: PersonalizationParams) -> list[list[str]]:
    """The concepts that prompts name together: pairs, or all if no prompt names a pair."""
    names = list(personalization.concepts)
    return [list(pair) for pair in combinations(names, 2)] or [names]


def _sampled(images: int, steps: int, batch_size: int) -> Work:
    size = min(batch_size, images)
    return Work("image", images, size, size, denoising_steps=images * steps)


def _classes_sampled(kind: str, item: str, params: Params, classes: dict[str, tuple[str, ...]]) -> Work | None:
    studies = params.studies
    match kind:
        case "sample":
            recipe = params.recipes[item]
            sampling = recipe.sampling
            groups = sum(len(named(names, classes[name])) for name, names in recipe.data.items())
            images = sampling.images_per_digit * (groups if recipe.condition else 10)
            return _sampled(images, sampling.num_inference_steps, sampling.batch_size)
        case "process_grid":
            return _sampled(PROCESS_ROWS, params.recipes[item].schedule.num_train_timesteps, PROCESS_ROWS)
        case "training_gif":
            data = params.recipes[item].data
            rows = {row for name, names in data.items() for row in named(names, classes[name])}
            batch = len(rows) * PROCESS_ROWS
            images = batch * params.recipes[item].training.num_snapshots
            return _sampled(images, studies.training_gif.num_inference_steps, batch)
        case "fid_samples":
            drawing = studies.fid.drawing
            images = len(drawing.seeds) * drawing.num_images
            steps = images * sum(studies.fid.lengths)
            size = min(drawing.batch_size, drawing.num_images)
            return Work("image", images * len(studies.fid.lengths), size, size, steps)
        case "few_steps_samples":
            study, trained = studies.few_steps[item], params.recipes[item].schedule.num_train_timesteps
            steps = [*study.num_inference_steps] * len(study.samplers) + [trained]
            size = min(study.batch_size, study.num_images)
            return Work("image", study.num_images * len(steps), size, size, study.num_images * sum(steps))
        case "guidance_samples":
            study = studies.guidance
            images = study.num_images * len(study.guidance_scales)
            return _sampled(images, study.num_inference_steps, min(study.batch_size, study.num_images))
    return None


def _face_model(kind: str, params: Params, numbers: Numbers) -> Work | None:
    if (faces := params.faces) is None:
        return None
    sampling, pairs = faces.sampling, len(list(combinations(range(min(faces.sampling.num_noises, 4)), 2)))
    match kind:
        case "faces" if faces.checkpoint is None:
            [name] = faces.data
            return _trained(faces.training, numbers.train[name], _image_bytes(size_of(params, name)))
        case "sample_faces":
            images = len(sampling.step_seeds) * len(sampling.etas) * sampling.num_noises
        case "interpolate_faces":
            images = 2 * (faces.interpolation.num_images + pairs)
        case _:
            return None
    return _sampled(images, sampling.num_inference_steps, sampling.batch_size)


def _prompts_sampled(kind: str, params: Params) -> Work | None:
    model, controlnet, personalization = params.text_to_image, params.controlnet, params.personalization
    match kind:
        case "evaluate_text_to_image" if model:
            own = model.images
            images, sampling = model.num_images if own.folder is None else own.num_validation, model.sampling
        case "controlnet_samples" if controlnet:
            samples, sampling = controlnet.samples, controlnet.sampling
            groups = samples.num_one_circle + samples.num_two_circles * len(samples.two_circles)
            if controlnet.pairs.folder is not None:
                groups = controlnet.pairs.num_validation
            compared = controlnet.training.num_snapshots + len(samples.conditioning_scales)
            images = 2 * groups + compared * samples.num_compared
        case "sample_multi_concept" if personalization:
            prompts = len(personalization.multi_concept.prompts) * len(_groups(personalization))
            images = prompts * personalization.multi_concept.num_images * (1 + 2 * personalization.num_runs)
            sampling = personalization.sampling
        case _:
            return None
    return _sampled(images, sampling.num_inference_steps, sampling.batch_size)
