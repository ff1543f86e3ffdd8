"""Everything that README.md and docs/ name exists: commands, options, stages, files, parameters, modules.

pipeline/test_pipeline.py runs those that take seconds.
"""

import ast
import importlib.util
import re
import shlex
import shutil
import subprocess
from functools import reduce
from pathlib import Path

import pytest
from documented import OF_THE_TUTORIAL, PROGRAMS, ROOT, blocks, commands
from dvc.cli import parse_args as parse_dvc
from dvc.repo import Repo
from dvc.stage import PipelineStage
from snakemake.cli import get_argument_parser

from difflab import cli
from difflab.config.load import read_yaml, validate
from difflab.config.params import Params

# What is not there before the user, or another machine, makes it.
NEEDS = {
    "pip install": "a package index",
    "--executor slurm": "a SLURM cluster, and snakemake-executor-plugin-slurm",
    "source .venv/bin/activate": "an environment that `make` has installed",
    "MLFLOW_TRACKING_URI": "an MLflow server",
}
COMMANDS = [command for command in commands() if not any(needed in command for needed in NEEDS)]
PLACEHOLDER = re.compile(r"^[A-Z][A-Z0-9-]*$")  # FILE, REV, NAME-OF-0, and HEAD
OF_THE_PIPELINE = re.compile(r"(models|prepared|samples)/")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline, with the recipes that the documentation adds."""
    folder = tmp_path_factory.mktemp("documented")
    for name in ("dvc.yaml", "data.dvc", "params.yaml"):
        shutil.copy(ROOT / name, folder)
    for name in ("conf", "examples"):
        shutil.copytree(ROOT / name, folder / name)
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    Repo.init(str(folder)).close()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for arguments in map(shlex.split, COMMANDS):
            if arguments[:2] == ["difflab", "recipe"] and not PLACEHOLDER.match("".join(arguments[2:3]) or "NAME"):
                cli.recipe(arguments[2], arguments[3], arguments[4:])
    return folder


@pytest.fixture(scope="module")
def stages(folder: Path) -> dict[str, list[str]]:
    """The outs of each stage by its name, and by the name of its group."""
    found: dict[str, list[str]] = {"report/index.html": []}
    with Repo(str(folder)) as repo:
        for stage in repo.index.stages:
            whole = stage.name if isinstance(stage, PipelineStage) and stage.name else stage.relpath
            for name in {whole, whole.partition("@")[0]}:
                found.setdefault(name, []).extend(out.def_path.rstrip("/") for out in stage.outs)
    return found


def is_made(path: str, stages: dict[str, list[str]]) -> bool:
    outs = {out for outs in stages.values() for out in outs}
    return any(f"{path.rstrip('/')}/".startswith(f"{out}/") or out.startswith(f"{path}/") for out in outs)


def test_the_sixth_recipe_is_valid(folder: Path) -> None:
    params = validate(Params, read_yaml(folder / "params.yaml"))
    assert params.recipes["mnistm-cosine"].schedule != params.recipes["mnistm-linear"].schedule


@pytest.mark.parametrize("command", COMMANDS)
def test_command_exists(command: str, folder: Path, stages: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    program, *arguments = shlex.split(command)
    assert program in PROGRAMS
    globals()[f"check_{program}"](arguments, stages)


def check_make(arguments: list[str], stages: dict) -> None:
    done = subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def check_git(arguments: list[str], stages: dict) -> None:
    assert arguments[0] in ("init", "clone", "add", "commit", "checkout", "push")


def check_python(arguments: list[str], stages: dict) -> None:
    if arguments[0] == "-m":
        assert importlib.util.find_spec(arguments[1])
    else:
        assert (ROOT / arguments[0]).is_file()


def check_snakemake(arguments: list[str], stages: dict) -> None:
    parsed = get_argument_parser().parse_args(arguments)
    assert all(is_made(target, stages) for target in parsed.targets)


def check_difflab(arguments: list[str], stages: dict) -> None:
    if len(arguments) == 1 and arguments[0] in ("compare", "profile", "recipe", "seeds", "why"):
        return  # named in a sentence
    parsed = cli.build_parser().parse_args(arguments)
    if arguments[0] == "profile" and not PLACEHOLDER.match(parsed.name):
        cli.profile(parsed.name, parsed.overrides)
    files = [word for word in arguments if word.startswith(("figures/", "metrics/", "models/"))]
    assert all(is_made(file, stages) for file in files)


def check_dvc(arguments: list[str], stages: dict) -> None:
    parsed = parse_dvc(arguments)
    if arguments[0] == "repro":
        assert all(target in stages or is_made(target, stages) for target in parsed.targets)
    for override in getattr(parsed, "set_param", None) or []:
        key, _, values = override.partition("=")
        assert value_of(key) is not None and values
    for target in arguments[1:]:
        assert not target.endswith((".dvc", ".yaml")) or (ROOT / target).exists()


def value_of(key: str):
    return reduce(lambda node, name: node[name], key.split("."), read_yaml(Path("params.yaml")))


def names_in(module: Path) -> set[str]:
    """What a module defines or imports at its top."""
    body = ast.parse(module.read_text()).body
    imported = {alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names}
    return imported | {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_the_table_of_methods_names_what_its_files_define() -> None:
    table = (ROOT / "docs/explanation/methods.md").read_text()
    named = re.findall(r"`(\w+/[\w/]+\.py)`((?:[:,] `\w+`)+)", table)
    assert len(named) > 15
    for file, names in named:
        assert names_in(ROOT / "src/difflab" / file) >= set(re.findall(r"`(\w+)`", names)), file


@pytest.mark.parametrize("program", blocks("python"), ids=lambda text: text.splitlines()[0][:40])
def test_program_names_what_exists(program: str, stages: dict) -> None:
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.ImportFrom) and node.module:
            spec = importlib.util.find_spec(node.module)
            assert spec and spec.origin
            if node.module.startswith("difflab."):
                assert {alias.name for alias in node.names} <= names_in(Path(spec.origin))
        elif isinstance(node, ast.Import):
            assert all(importlib.util.find_spec(alias.name) for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and OF_THE_PIPELINE.match(node.value):
            assert is_made(node.value, stages) or node.value == OF_THE_TUTORIAL
