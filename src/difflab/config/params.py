"""The whole params.yaml, and checks across its sections."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from difflab.config.base import Section, require
from difflab.config.data import CirclesParams, DataParams, PrepareParams
from difflab.config.diffusion import FacesParams, LinearSchedule, RecipeParams, require_signal
from difflab.config.language import ClipParams, ControlNetParams, TextToImageParams, ZeroShotParams
from difflab.config.load import ParamsError, read_yaml, validate
from difflab.config.personalization import PersonalizationParams
from difflab.config.studies import EvaluationParams, StudiesParams
from difflab.config.training import (
    AdaptationParams,
    ComputeParams,
    JudgeParams,
    RuntimeParams,
    TrainingParams,
    trainings,
)
from difflab.config.validation import section_of

# Existing names in models/, metrics/ and samples/ that a recipe (a-z, 0-9 and -) could also have.
NOT_OF_RECIPES = {"adapt", "autoencoder", "clip", "controlnet", "faces", "guidance", "interpolation", "inversion"} | {
    "judges"
}
OF_JUDGES = "judge-"  # prefix of their metrics files
OF_ONE_PROCESS = {"judge", "adaptation", "clip"}  # short, or the loss depends on the whole batch
PROCESS_STEPS = 7  # in the figure of an unconditional recipe's reverse process, which has eight images
# Sections that can be left out, with their stages; for each, those that need it.
OF_TEXT_TO_IMAGE = ("controlnet", "personalization")
OF_CLIP = ("text_to_image", *OF_TEXT_TO_IMAGE)
OPTIONAL: dict[str, tuple[str, ...]] = {
    "faces": (),
    "circles": ("clip", "zero_shot", *OF_CLIP),
    "clip": ("zero_shot", *OF_CLIP),
    "zero_shot": ("clip", *OF_CLIP),
    "text_to_image": OF_TEXT_TO_IMAGE,
    "controlnet": (),
    "personalization": (),
    "adaptation": (),
}


class Params(Section):
    """All of params.yaml."""

    compute: ComputeParams
    runtime: RuntimeParams
    data: DataParams
    prepare: PrepareParams
    judge: JudgeParams
    evaluation: EvaluationParams
    recipes: dict[Annotated[str, Field(pattern=r"^[a-z0-9-]+$")], RecipeParams] = Field(
        min_length=1, description="recipes by name (a to z, 0 to 9, -)"
    )
    faces: FacesParams | None = None
    circles: CirclesParams | None = None
    clip: ClipParams | None = None
    zero_shot: ZeroShotParams | None = None
    text_to_image: TextToImageParams | None = None
    controlnet: ControlNetParams | None = None
    personalization: PersonalizationParams | None = None
    studies: StudiesParams
    adaptation: AdaptationParams | None = None

    def check(self) -> None:
        """Run all checks, in this order, as later ones rely on earlier ones."""
        for check in (_systems, _names, _sets, _studies, _time_steps, _sizes, _numbers_of_images, _seeds, _processes):
            check(self)


def load_params(path: str | Path = Path("params.yaml")) -> Params:
    """Read and check the whole file. Raises ParamsError with one line."""
    tree = read_yaml(path)
    _refuse_shared_sections(tree)
    return validate(Params, tree)


def _refuse_shared_sections(tree: Any) -> None:
    """Refuse a section that is in two places because of YAML's `<<` or an alias.

    `dvc exp run -S` would change such a section in both places, or in neither.
    """
    keys = {id(tree): ""}
    front: list[tuple[str, Any]] = [("", tree)]
    for prefix, section in front:  # grows in the loop
        for name, value in section_of(section).items():
            key = f"{prefix}.{name}".strip(".")
            if section_of(value) is value and keys.setdefault(id(value), key) != key:
                found = f"the section {keys[id(value)]} by `<<` or an alias"
                allowed = "a section of its own, because `dvc exp run -S` changes shared ones in both places or in none"
                raise ParamsError(f"params.yaml: {key}: found {found}, allowed: {allowed}; `difflab recipe` copies one")
            front.append((key, value))


def _systems(params: Params) -> None:
    """Check that no section needs an omitted one, and that none is null: dvc.yaml cannot tell null from a value."""
    for name, users in OPTIONAL.items():
        if getattr(params, name) is None:
            require(name not in params.model_fields_set, name, None, "a section; without the key, it is left out")
            there = [user for user in users if getattr(params, user) is not None]
            require(not there, name, None, f"a section, because of {', '.join(there)}")


def _names(params: Params) -> None:
    taken = sorted(name for name in params.recipes if name in NOT_OF_RECIPES or name.startswith(OF_JUDGES))
    allowed = "another name, because models/, metrics/ or samples/ has something of that name"
    require(not taken, "recipes", "".join(taken[:1]), allowed)
    if params.circles is None or params.personalization is None:
        return
    held_out = params.circles.held_out_colors
    named = f", or one of circles.held_out_colors: {', '.join(held_out)}" if held_out else ""
    for name, concept in params.personalization.concepts.items():
        known = concept.color is None or concept.color in held_out
        require(known, f"personalization.concepts.{name}.color", concept.color, f"null{named}")


def _sets(params: Params) -> None:
    """Check that named data sets exist, and have classes if needed, and that samples can be graded."""
    labeled = [name for name, one in params.data.sets.items() if one.persons is None]
    needed = [("judge.sets", name, [name]) for name in params.judge.sets]
    needed += [(f"recipes.{recipe}.data", list(one.data), list(one.data)) for recipe, one in params.recipes.items()]
    scenarios = params.adaptation.scenarios if params.adaptation else ()
    needed += [("adaptation.scenarios", scenario, scenario.split("-")) for scenario in scenarios]
    for key, found, names in needed:
        require(set(names) <= set(labeled), key, found, f"data sets with classes: {', '.join(labeled)}")
    for recipe, one in params.recipes.items():
        for name in one.data:
            allowed = f"{name} too, because of recipes.{recipe}.data"
            require(name in params.judge.sets, "judge.sets", params.judge.sets, allowed)
    if params.faces is not None:
        without = [name for name, one in params.data.sets.items() if one.persons is not None]
        allowed = f"a data set without classes: {', '.join(without) or 'data.sets has none'}"
        require(params.faces.data.keys() <= set(without), "faces.data", list(params.faces.data), allowed)
    if params.clip is not None:
        allowed = "mnist too, a data set with classes, because of the section clip"
        require("mnist" in labeled, "data.sets", list(params.data.sets), allowed)


def _studies(params: Params) -> None:
    """Check that each study names existing recipes of the required kind."""
    studies, recipes = params.studies, params.recipes
    conditional = [name for name, recipe in recipes.items() if recipe.condition]
    of_one_domain = [name for name, recipe in recipes.items() if len(recipe.data) == 1]
    unconditional = [name for name, recipe in recipes.items() if not recipe.condition]
    linear = [name for name in unconditional if recipes[name].schedule.name == "linear"]
    with_snapshots = [name for name in conditional if recipes[name].training.num_snapshots]
    for key, names, allowed in (
        ("fid.recipes", studies.fid.recipes, linear),
        ("few_steps", list(studies.few_steps), of_one_domain),
        ("guidance.recipes", studies.guidance.recipes, [name for name in of_one_domain if name in conditional]),
        ("training_gif.recipes", studies.training_gif.recipes, with_snapshots),
        ("unconditional", studies.unconditional, unconditional),
    ):
        for name in names:
            require(name in allowed, f"studies.{key}", name, f"one of {', '.join(allowed)}" if allowed else "no recipe")


def _time_steps(params: Params) -> None:
    """Check that no sampler takes more steps than its model was trained with, as far as params.yaml says."""
    studies, gif = params.studies, params.studies.training_gif
    models: dict[str, RecipeParams | FacesParams] = {f"recipes.{k}": recipe for k, recipe in params.recipes.items()}
    if params.faces is not None:
        models["faces"] = params.faces
    trained = {key: model.schedule.num_train_timesteps for key, model in models.items()}
    asked = [(f"{key}.sampling", key, model.sampling.num_inference_steps) for key, model in models.items()]
    asked += [
        *((f"studies.few_steps.{k}", f"recipes.{k}", max(v.num_inference_steps)) for k, v in studies.few_steps.items()),
        *(("studies.guidance", f"recipes.{k}", studies.guidance.num_inference_steps) for k in studies.guidance.recipes),
        *(("studies.training_gif", f"recipes.{name}", gif.num_inference_steps) for name in gif.recipes),
    ]
    if params.text_to_image is not None and params.text_to_image.pretrained is None:
        trained["text_to_image"] = params.text_to_image.schedule.num_train_timesteps
        for key in ("text_to_image", "controlnet", "personalization"):
            if section := getattr(params, key):
                asked.append((f"{key}.sampling", "text_to_image", section.sampling.num_inference_steps))
    for key, model, steps in asked:
        allowed = f"integers ≤ {model}.schedule.num_train_timesteps = {trained[model]}"
        require(steps <= trained[model], f"{key}.num_inference_steps", steps, allowed)
    for key, model in models.items():
        steps, offset = model.sampling.num_inference_steps, model.sampling.steps_offset
        room = trained[key] - 1 - (steps - 1) * trained[key] // steps  # room for an offset of the leading time steps
        allowed = f"integer ≤ {room} with num_inference_steps {steps}"
        require(offset <= room, f"{key}.sampling.steps_offset", offset, allowed)
    for key in (f"recipes.{name}" for name in studies.unconditional):
        allowed = f"integer ≥ {PROCESS_STEPS}, because of studies.unconditional"
        require(trained[key] >= PROCESS_STEPS, f"{key}.schedule.num_train_timesteps", trained[key], allowed)
    # The FID study keeps the range of β: with many more steps than in training, ᾱ would underflow.
    for name in studies.fid.recipes:
        schedule = params.recipes[name].schedule
        assert isinstance(schedule, LinearSchedule)  # checked by _studies
        for length in studies.fid.lengths:
            require_signal(length, schedule.beta_start, schedule.beta_end, "studies.fid.lengths", length)


def _sizes(params: Params) -> None:
    """Check image sizes: every level of a U-Net halves the image, after pixel-unshuffle."""
    sizes: dict[str, tuple[str, int]] = {}  # by data set: the key that sets it, pixels per side
    for name, one in params.data.sets.items():
        key = "digit_size" if one.persons is None else "face_size"
        place = f"prepare.{key}" if one.size is None else f"data.sets.{name}.size"
        sizes[name] = place, one.size or getattr(params.prepare, key)
    models = {f"recipes.{name}": (recipe.network, list(recipe.data)) for name, recipe in params.recipes.items()}
    if params.faces is not None:
        models["faces"] = params.faces.network, list(params.faces.data)
    for key, (network, sets) in models.items():
        factor = network.patch_size * 2 ** (len(network.block_out_channels) - 1)
        for name in sets:
            place, size = sizes[name]
            require(size % factor == 0, place, size, f"a multiple of {factor}, because of {key}.network")
    together = {f"recipes.{name}": list(recipe.data) for name, recipe in params.recipes.items()}
    scenarios = params.adaptation.scenarios if params.adaptation else ()
    together |= {f"adaptation.scenarios {name}": name.split("-") for name in scenarios}
    for key, (first, *others) in together.items():
        for name in others:
            (place, size), (_, same) = sizes[name], sizes[first]
            require(size == same, place, size, f"{same}, as {first} has, because of {key}")
    if params.text_to_image is not None and params.controlnet is not None:
        found, autoencoder = params.controlnet.hint_channels, params.text_to_image.autoencoder.network
        levels = len(autoencoder.block_out_channels)
        allowed = f"{levels} levels, as many as text_to_image.autoencoder.network.block_out_channels"
        fits = params.text_to_image.pretrained is not None or len(found) == levels
        require(fits, "controlnet.hint_channels", found, allowed)
    if params.judge.checkpoint is not None and "mnistm" in params.judge.sets:
        place, size = sizes["mnistm"]
        require(size == 28, place, size, "28, because of judge.checkpoint")


def _numbers_of_images(params: Params) -> None:
    """Check that there are enough images for all metrics, and equal numbers for each class if conditional."""
    k, studies = params.evaluation.nearest_k, params.studies
    of_recipe = {f"studies.few_steps.{name}": (name, study.num_images) for name, study in studies.few_steps.items()}
    for name in studies.guidance.recipes:
        of_recipe["studies.guidance"] = name, studies.guidance.num_images
    counts = {key: count for key, (_, count) in of_recipe.items()}
    for key, count in (counts | {"studies.fid.drawing": studies.fid.drawing.num_images}).items():
        require(count > k, f"{key}.num_images", count, f"integer > evaluation.nearest_k = {k}")
    for name, recipe in params.recipes.items():
        fewest = min(1 if names == "all" else len(names) for names in recipe.data.values())
        count = recipe.sampling.images_per_digit * (fewest if recipe.condition else 10)
        allowed = f"integer < {count}, the samples of recipes.{name} in one data set"
        require(k < count, "evaluation.nearest_k", k, allowed)
    for key, (name, count) in of_recipe.items():
        [names] = params.recipes[name].data.values()
        classes = 1 if names == "all" else len(names)
        allowed = f"a multiple of {classes}, the number of classes of recipes.{name}"
        equal = not params.recipes[name].condition or count % classes == 0
        require(equal, f"{key}.num_images", count, allowed)
    if params.circles is None:
        return
    most = params.circles.num_validation  # number of held-out scenes; fewer have one circle
    counts = dict[str, int]()
    if params.text_to_image is not None and params.text_to_image.images.folder is None:
        counts["text_to_image.num_images"] = params.text_to_image.num_images
    if params.controlnet is not None:
        counts["controlnet.samples.num_one_circle"] = params.controlnet.samples.num_one_circle
    for key, count in counts.items():
        require(count <= most, key, count, f"integer ≤ circles.num_validation = {most}")


def _seeds(params: Params) -> None:
    """Check that all seeds are in range: run k of a training uses seed + k."""
    adaptation, personalization = params.adaptation, params.personalization
    repeated: list[tuple[str, TrainingParams, int]] = []
    if adaptation is not None:
        repeated.append(("adaptation.training", adaptation.training, adaptation.num_runs))
    if personalization is not None:
        trained = {"inversion": personalization.inversion}
        trained["custom_diffusion.training"] = personalization.custom_diffusion.training
        repeated += [(f"personalization.{k}", training, personalization.num_runs) for k, training in trained.items()]
    for key, training, num_runs in repeated:
        allowed = f"integer ≤ {2**32 - num_runs}, because of num_runs {num_runs}"
        require(training.seed + num_runs <= 2**32, f"{key}.seed", training.seed, allowed)


def _processes(params: Params) -> None:
    """Check `runtime.gpus`: the processes of a training share the images that pass through its network at once."""
    gpus = params.runtime.gpus
    for key, training in trainings(params):
        at_once = training.batch_size // training.gradient_accumulation_steps
        alone = key.partition(".")[0] in OF_ONE_PROCESS
        allowed = f"0, or a divisor of {at_once}, the images at once of {key}"
        require(alone or at_once % max(gpus, 1) == 0, "runtime.gpus", gpus, allowed)
