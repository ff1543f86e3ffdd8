"""What the sections of params.yaml ask of each other. Each check raises `refuse` with the whole key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from difflab.config.diffusion import require_signal
from difflab.validation import refuse

if TYPE_CHECKING:
    from difflab.config.whole import Params

JUDGES = {"judge-mnist", "judge-mnistm", "judge-svhn"}
# Names in models/, metrics/ and samples/ that a recipe, whose names are a-z, 0-9 and -, could take.
NOT_OF_RECIPES = JUDGES | {
    *("adapt", "autoencoder", "clip", "controlnet", "faces", "guidance", "interpolation", "inversion")
}
PROCESS_STEPS = 7  # of the figure of an unconditional recipe's way from noise: eight images


def names_are_free(params: Params) -> None:
    if taken := NOT_OF_RECIPES & params.recipes.keys():
        allowed = "another name, because models/, metrics/ or samples/ has something of that name"
        raise refuse("recipes", min(taken), allowed)


def course_judge_has_its_size(params: Params) -> None:
    if params.judge.checkpoint and params.prepare.digit_size != 28:
        raise refuse("prepare.digit_size", params.prepare.digit_size, "28, because of judge.checkpoint")


def concepts_are_new(params: Params) -> None:
    held_out = params.circles.held_out_colours
    named = f", or one of circles.held_out_colours: {', '.join(held_out)}" if held_out else ""
    for name, concept in params.personalization.concepts.items():
        if concept.colour not in {None, *held_out}:
            raise refuse(f"personalization.concepts.{name}.colour", concept.colour, f"null{named}")


def studies_have_their_recipes(params: Params) -> None:
    """Each study names recipes that are there and that it can be made of."""
    studies, recipes = params.studies, params.recipes
    conditional = [name for name, recipe in recipes.items() if recipe.condition]
    of_one_domain = [name for name, recipe in recipes.items() if len(recipe.data) == 1]
    unconditional = [name for name, recipe in recipes.items() if not recipe.condition]
    linear = [name for name in unconditional if recipes[name].schedule.name == "linear"]
    with_snapshots = [name for name in conditional if recipes[name].training.num_snapshots]
    for key, names, allowed in (
        ("fid.recipe", [studies.fid.recipe], linear),
        ("few_steps", list(studies.few_steps), of_one_domain),
        ("guidance.recipe", [studies.guidance.recipe], [name for name in of_one_domain if name in conditional]),
        ("training_gif.recipes", studies.training_gif.recipes, with_snapshots),
        ("unconditional", studies.unconditional, unconditional),
    ):
        for name in names:
            if name not in allowed:
                raise refuse(f"studies.{key}", name, f"one of {', '.join(allowed)}" if allowed else "no recipe")


def time_steps_exist(params: Params) -> None:
    """No sampler takes more steps than its model was trained with, as far as params.yaml says with how many."""
    studies, gif = params.studies, params.studies.training_gif
    steps = [
        *((f"studies.few_steps.{name}", name, max(it.num_inference_steps)) for name, it in studies.few_steps.items()),
        ("studies.guidance", studies.guidance.recipe, studies.guidance.num_inference_steps),
        *(("studies.training_gif", name, gif.num_inference_steps) for name in gif.recipes),
    ]
    trained = {f"recipes.{name}": recipe.schedule.num_train_timesteps for name, recipe in params.recipes.items()}
    asked = [(key, f"recipes.{name}", most) for key, name, most in steps]
    if params.text_to_image.pretrained is None:
        trained["text_to_image"] = params.text_to_image.schedule.num_train_timesteps
        for key in ("text_to_image", "controlnet", "personalization"):
            asked.append((f"{key}.sampling", "text_to_image", getattr(params, key).sampling.num_inference_steps))
    for key, model, most in asked:
        if most > trained[model]:
            allowed = f"integers ≤ {model}.schedule.num_train_timesteps = {trained[model]}"
            raise refuse(f"{key}.num_inference_steps", most, allowed)
    for name in studies.unconditional:
        key = f"recipes.{name}.schedule.num_train_timesteps"
        if trained[f"recipes.{name}"] < PROCESS_STEPS:
            raise refuse(
                key, trained[f"recipes.{name}"], f"integer ≥ {PROCESS_STEPS}, because of studies.unconditional"
            )


def rebuilt_schedules_work(params: Params) -> None:
    """The study of lengths keeps the range of β: with many more steps than trained nothing of an image is left."""
    schedule = params.recipes[params.studies.fid.recipe].schedule
    assert schedule.beta_start is not None and schedule.beta_end is not None  # studies_have_their_recipes saw to it
    for length in params.studies.fid.lengths:
        require_signal(length, schedule.beta_start, schedule.beta_end, "studies.fid.lengths", length)


def sizes_halve(params: Params) -> None:
    """Every level of a U-Net halves the image, and pixel-unshuffle divides it first."""
    models = {f"recipes.{name}": (recipe, "digit_size") for name, recipe in params.recipes.items()}
    for key, (model, size_key) in (models | {"faces": (params.faces, "face_size")}).items():
        size = getattr(params.prepare, size_key)
        factor = model.network.patch_size * 2 ** (len(model.network.block_out_channels) - 1)
        if size % factor:
            raise refuse(f"prepare.{size_key}", size, f"a multiple of {factor}, because of {key}.network")
    levels = len(params.text_to_image.autoencoder.network.block_out_channels)
    found = params.controlnet.hint_channels
    if params.text_to_image.pretrained is None and len(found) != levels:
        allowed = f"{levels} levels, as many as text_to_image.autoencoder.network.block_out_channels"
        raise refuse("controlnet.hint_channels", found, allowed)


def images_suffice(params: Params) -> None:
    """There are images for all that is measured, and as many of each digit where digits are asked for."""
    k, studies = params.evaluation.nearest_k, params.studies
    counts = {"studies.fid.drawing": studies.fid.drawing.num_images, "studies.guidance": studies.guidance.num_images}
    counts |= {f"studies.few_steps.{name}": study.num_images for name, study in studies.few_steps.items()}
    for key, count in counts.items():
        if count <= k:
            raise refuse(f"{key}.num_images", count, f"integer > evaluation.nearest_k = {k}")
    for name, recipe in params.recipes.items():
        count = recipe.sampling.images_per_digit * min(map(len, recipe.data.values()))
        if count <= k:
            raise refuse("evaluation.nearest_k", k, f"integer < {count}, the samples of recipes.{name} in one domain")
    of_digits = {f"studies.few_steps.{name}": name for name in studies.few_steps}
    of_digits["studies.guidance"] = studies.guidance.recipe
    for key, name in of_digits.items():
        [digits] = params.recipes[name].data.values()
        if params.recipes[name].condition and counts[key] % len(digits):
            allowed = f"a multiple of {len(digits)}, the number of digits of recipes.{name}"
            raise refuse(f"{key}.num_images", counts[key], allowed)


def scenes_suffice(params: Params) -> None:
    """Held-out scenes are circles.num_validation, those of one circle fewer."""
    most = params.circles.num_validation
    for key, count in (
        ("text_to_image.num_images", params.text_to_image.num_images),
        ("controlnet.samples.num_one_circle", params.controlnet.samples.num_one_circle),
    ):
        if count > most:
            raise refuse(key, count, f"integer ≤ circles.num_validation = {most}")


def seeds_of_runs_exist(params: Params) -> None:
    """Run k of a training has its seed + k."""
    personalization, adaptation = params.personalization, params.adaptation
    trainings = {
        "personalization.inversion": (personalization.inversion, personalization.num_runs),
        "personalization.custom_diffusion.training": (
            personalization.custom_diffusion.training,
            personalization.num_runs,
        ),
        "adaptation.training": (adaptation.training, adaptation.num_runs),
    }
    for key, (training, num_runs) in trainings.items():
        if training.seed + num_runs > 2**32:
            raise refuse(f"{key}.seed", training.seed, f"integer ≤ {2**32 - num_runs}, because of num_runs {num_runs}")


CHECKS: Sequence[Callable[[Params], None]] = (
    names_are_free,
    course_judge_has_its_size,
    concepts_are_new,
    studies_have_their_recipes,
    time_steps_exist,
    rebuilt_schedules_work,
    sizes_halve,
    images_suffice,
    scenes_suffice,
    seeds_of_runs_exist,
)
