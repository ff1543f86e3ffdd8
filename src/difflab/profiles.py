"""Writes params.yaml: a profile of conf/ (`difflab profile`), or one recipe more (`difflab recipe`).

Every value is explicit there, and no section is in two places: `dvc exp run -S` would change both.
"""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from ruamel.yaml import YAML
from ruamel.yaml.representer import RoundTripRepresenter

from difflab.config.load import read_yaml, validate
from difflab.config.params import Params, load_params
from difflab.errors import UserError, reading
from difflab.pipeline.files import atomic_write

PARAMS = Path("params.yaml")
CONF = Path("conf")


class _Representer(RoundTripRepresenter):
    """Writes null, as OmegaConf does, where ruamel.yaml writes nothing."""


_Representer.add_representer(type(None), lambda self, _: self.represent_scalar("tag:yaml.org,2002:null", "null"))


def write_profile(name: str, overrides: list[str]) -> None:
    """Compose conf/ into params.yaml, which stays as it was if the composition is not valid.

    Raises UserError, one line with the file or the key.
    """
    profiles = sorted(path.stem for path in CONF.glob("profile/*.yaml"))
    if not profiles:
        raise UserError(f"{CONF}/profile: found no profile in {Path.cwd()}, allowed: the root of the repository")
    if name not in profiles:
        raise UserError(f"profile: found {name!r}, allowed: {', '.join(profiles)}")
    for file in sorted(CONF.rglob("*.yaml")):
        read_yaml(file)  # Hydra's own errors do not always name the file
    given = f" with {' '.join(overrides)}" if overrides else ""
    with reading(f"{CONF}/{given}"):
        try:
            with initialize_config_dir(str(CONF.resolve()), version_base=None):
                config = compose("config", overrides=[f"profile={name}", *map(literal, overrides)])
            values = OmegaConf.to_container(config, resolve=True)
        except (HydraException, OmegaConfBaseException) as error:
            raise UserError(f"{CONF}/{given}: {' '.join(str(error).split())}") from None
    validate(Params, values)
    with atomic_write(PARAMS) as partial:
        partial.write_text(OmegaConf.to_yaml(config, resolve=True), encoding="utf-8")


def write_recipe(name: str, base: str, overrides: list[str]) -> None:
    """Add to params.yaml the recipe `name`: a copy of the recipe `base` in which `overrides` (KEY=VALUE) differ.

    Comments and order of the file stay. Raises UserError, one line with the key; the file then stays as it was.
    """
    recipes = load_params(PARAMS).recipes
    if base not in recipes:
        raise UserError(f"recipe: found {base!r}, allowed: {', '.join(recipes)}")
    if name in recipes:
        raise UserError(f"recipe: found {name!r}, allowed: a new name")
    values = read_yaml(PARAMS)
    recipe = deepcopy(values["recipes"][base])
    for override in overrides:
        key, separator, _ = override.partition("=")
        *sections, last = key.split(".")
        node: Any = recipe
        for section in sections:
            node = node.get(section) if isinstance(node, dict) else None
        if not separator or not isinstance(node, dict) or last not in node:
            raise UserError(f"recipe: found {override!r}, allowed: KEY=VALUE with a key of recipes.{base}")
        node[last] = OverridesParser.create().parse_override(literal(override)).value()
    validate(Params, values | {"recipes": values["recipes"] | {name: recipe}})
    yaml = YAML()
    yaml.width = 2**16  # leave every line as it is
    yaml.Representer = _Representer
    tree = yaml.load(PARAMS)
    tree["recipes"][name] = recipe
    with atomic_write(PARAMS) as partial, partial.open("w", encoding="utf-8") as file:
        yaml.dump(tree, file)


def literal(override: str) -> str:
    """`override`, its value quoted where Hydra's grammar has no such value: a path with é, or with a comma."""
    key, separator, value = override.partition("=")
    try:
        if not OverridesParser.create().parse_override(override).is_sweep_override():
            return override
    except HydraException:
        if not separator:
            return override
    return f"{key}='{_escaped(value)}'"


def _escaped(value: str) -> str:
    """For single quotes: those within, and all backslashes before one or at the end, are preceded by a backslash."""
    return re.sub(r"(\\*)('|$)", lambda found: 2 * found[1] + found[2].replace("'", "\\'"), value)
