"""The `difflab` command: choose a profile, check params.yaml, list and compare the results."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from difflab.stage import UserError, run

PARAMS = Path("params.yaml")
CONF = Path("conf")


def profile(name: str, overrides: list[str]) -> None:
    """Compose conf/ into params.yaml, which stays as it was if the composition is not valid."""
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from difflab.outputs import written_whole
    from difflab.params import Params, validate

    profiles = sorted(path.stem for path in CONF.glob("profile/*.yaml"))
    if name not in profiles:
        raise UserError(f"profile: found {name!r}, allowed: {', '.join(profiles)}")
    try:
        with initialize_config_dir(str(CONF.resolve()), version_base=None):
            config = compose("config", overrides=[f"profile={name}", *overrides])
        validate(Params, OmegaConf.to_container(config, resolve=True))
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(f"{CONF}/ with {' '.join(overrides)}: {' '.join(str(error).split())}") from None
    with written_whole(PARAMS) as partial:
        partial.write_text(OmegaConf.to_yaml(config))


def check(out: Path | None) -> None:
    """Refuse a params.yaml with a bad value. The file `out` is always the same: it says that there is none."""
    from difflab.params import load_params
    from difflab.prompts import check_prompts

    params = load_params(PARAMS)
    for key, file in params.named_files().items():
        if not file.exists():
            raise UserError(f"{PARAMS}: {key}: found {str(file)!r}, which is not there, allowed: null, or what is")
    check_prompts(params)
    if out:
        out.write_text("params.yaml: checked\n")


def results() -> None:
    """Name the figures, metrics and samples that the pipeline of dvc.yaml has made."""
    from dvc.repo import Repo

    paths = sorted(Path(out.def_path) for out in Repo().index.outs)
    for path in filter(Path.exists, paths):
        match path.parts[0]:
            case "metrics" if path.suffix == ".json":
                metrics = json.loads(path.read_text()).items()
                values = {name: item.get("value") if isinstance(item, dict) else item for name, item in metrics}
                shown = (f"{name} {value:.4g}" for name, value in values.items() if isinstance(value, float))
                print(path, *shown, sep="  ")
            case "figures" | "metrics":
                print(path)
            case "samples":
                print(f"{path}/  {sum(1 for _ in path.rglob('*.png'))} images")


def compare(a: Path, b: Path) -> None:
    """Show the metrics of two files side by side, if they were taken by the same protocol."""
    from difflab.evaluation.comparison import RULE, compare_metrics

    table = compare_metrics(a, b)
    print(f"A: {a}", f"B: {b}", "", table.to_string(index=False, justify="left"), "", RULE, sep="\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="difflab", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("profile", help="compose a profile of conf/ into params.yaml")
    command.add_argument("name", help="a file of conf/profile/, such as smoke, cpu or paper")
    command.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="such as judge.training.num_epochs=3")
    command.set_defaults(call=lambda arguments: profile(arguments.name, arguments.overrides))
    command = commands.add_parser("check", help="check every value of params.yaml")
    command.add_argument("--out", type=Path, metavar="FILE", help="write this file, always the same, if all is well")
    command.set_defaults(call=lambda arguments: check(arguments.out))
    command = commands.add_parser("results", help="name the figures, metrics and samples that are there")
    command.set_defaults(call=lambda arguments: results())
    command = commands.add_parser("compare", help="compare two files of metrics of recipes")
    command.add_argument("a", type=Path, metavar="A", help="such as metrics/joint-cosine.json")
    command.add_argument("b", type=Path, metavar="B", help="another recipe's, or another version of the same file")
    command.set_defaults(call=lambda arguments: compare(arguments.a, arguments.b))
    arguments = parser.parse_args()
    run(lambda: arguments.call(arguments))
