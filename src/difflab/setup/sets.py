"""Checks that the data sets of params.yaml exist and have the classes that other sections name."""

from __future__ import annotations

from difflab.config.diffusion import RecipeParams
from difflab.config.load import ParamsError
from difflab.config.params import Params
from difflab.data.classes import DIGITS, as_names
from difflab.errors import UserError

Classes = dict[str, tuple[str, ...]]  # names of the labels by data set; empty without classes


def check_sets(params: Params) -> None:
    """Raises ParamsError, one line with the key, for a data set that cannot be used or lacks a named class."""
    classes = classes_of_sets(params)
    if params.clip is not None and classes["mnist"] != DIGITS:
        raise _refusal("data.sets.mnist", f"the classes {_some(classes['mnist'])}", "the ten digits, because of clip")
    for name, recipe in params.recipes.items():
        _check_recipe(f"recipes.{name}.data", recipe, classes)
    for scenario in params.adaptation.scenarios if params.adaptation else ():
        source, target = scenario.split("-")
        _require_same("adaptation.scenarios", classes, source, target)
    studies = params.studies
    asked = {f"studies.few_steps.{name}": (name, study.num_images) for name, study in studies.few_steps.items()}
    for name in studies.guidance.recipes:
        asked["studies.guidance"] = name, studies.guidance.num_images
    for key, (name, count) in asked.items():
        recipe = params.recipes[name]
        [(one, names)] = recipe.data.items()
        num_classes = len(classes[one] if names == "all" else names)
        if recipe.condition and count % num_classes:
            allowed = f"a multiple of {num_classes}, the number of classes of recipes.{name}"
            raise _refusal(f"{key}.num_images", str(count), allowed)


def classes_of_sets(params: Params) -> Classes:
    """The classes of all data sets. Imports libraries only for data sets that are not embedded. Raises ParamsError."""
    sets = params.data.sets
    if params.data.root is None and all(one.source.startswith("embedded/") for one in sets.values()):
        return {name: DIGITS if one.persons is None else () for name, one in sets.items()}
    from difflab.data.sources import check

    try:
        return check(params.data)
    except UserError as error:
        raise ParamsError(f"params.yaml: {error}") from None


def _check_recipe(key: str, recipe: RecipeParams, classes: Classes) -> None:
    first, *others = recipe.data
    for other in others:
        _require_same(key, classes, first, other)
    for one, names in recipe.data.items():
        asked = [] if names == "all" else as_names(names)
        for name in asked:
            if name not in classes[one]:
                raise _refusal(f"{key}.{one}", f"the class {name!r}", _some(classes[one]))
            if asked.count(name) > 1:
                raise _refusal(f"{key}.{one}", f"the class {name!r} twice", "different classes")


def _require_same(key: str, classes: Classes, first: str, other: str) -> None:
    if classes[first] != classes[other]:
        found = f"{other} with the classes {_some(classes[other])}"
        raise _refusal(key, found, f"those of {first}: {_some(classes[first])}")


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:20]) + (", …" if len(names) > 20 else "")


def _refusal(key: str, found: str, allowed: str) -> ParamsError:
    return ParamsError(f"params.yaml: {key}: found {found}, allowed: {allowed}")
