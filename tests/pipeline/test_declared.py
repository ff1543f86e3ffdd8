"""dvc.yaml declares for each stage the fingerprint of its script and exactly the parameters that it reads."""

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from dvc.stage import PipelineStage
from networkx import descendants

from difflab.config.params import OPTIONAL, load_params
from difflab.pipeline.stage import Main, keys_read, parse, read

ROOT = Path(__file__).parents[2]
REPO = Repo(str(ROOT))
STAGES = {
    stage.addressing: stage
    for stage in REPO.index.stages
    if isinstance(stage, PipelineStage) and str(stage.cmd).startswith("python stages/") and stage.addressing != "code"
}


def script(stage: PipelineStage) -> Path:
    return ROOT / str(stage.cmd).split()[1]


def declared_keys(stage: PipelineStage) -> set[str]:
    return {key for dep in stage.deps if isinstance(dep, ParamsDependency) for key in dep.params}


@pytest.mark.parametrize("name", STAGES)
def test_each_stage_declares_the_fingerprint_of_its_script(name: str) -> None:
    """And no source file."""
    deps = [dep.def_path for dep in STAGES[name].deps]
    assert [dep for dep in deps if dep.startswith("code/")] == [f"code/{script(STAGES[name]).stem}.txt"]
    assert not [dep for dep in deps if dep.startswith(("src/", "stages/"))]


@pytest.mark.parametrize("name", STAGES)
def test_a_signature_is_the_declaration(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The arguments of the command, and the sections of params.yaml."""
    monkeypatch.chdir(ROOT)
    stage = STAGES[name]
    declared = [key for dep in stage.deps if isinstance(dep, ParamsDependency) for key in dep.params]
    main, arguments = parse(mains(script(stage)), str(stage.cmd).split()[2:])
    assert sorted(declared) == sorted(keys_read(main, read(main, arguments)))


def mains(path: Path) -> list[Main]:
    """The main functions of a script."""
    return given_to_run(path)[0]


def given_to_run(path: Path) -> tuple[list[Main], dict[str, Any]]:
    """The arguments of `run` in a script."""
    given: list[tuple[list[Main], dict[str, Any]]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("difflab.stage.run", lambda *functions, **options: given.append(([*functions], options)))
        runpy.run_path(str(path), run_name="__main__")
    (arguments,) = given
    return arguments


def test_stages_of_several_processes_ask_for_all_gpus() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    asked: dict[Path, set[Any]] = {}
    for stage in (stage.get("do", stage) for stage in stages):
        if stage["cmd"].startswith("python stages/") and "code.py" not in stage["cmd"]:
            asked.setdefault(ROOT / stage["cmd"].split()[1], set()).add(stage.get("meta", {}).get("gpu"))
    shared = {path for path in asked if given_to_run(path)[1].get("shared")}
    assert shared and {path for path, gpus in asked.items() if gpus == {"${runtime.gpus}"}} == shared
    assert all(gpus <= {None, 1} for path, gpus in asked.items() if path not in shared)


def upstream(name: str) -> set[str]:
    stage = next(stage for stage in REPO.index.stages if stage.addressing == name)
    return {each.addressing for each in descendants(REPO.index.graph, stage)}


def test_a_data_set_reruns_only_what_uses_it() -> None:
    """Of `recipe_data` the bytes stay when a data set changes that is not the recipe's."""
    for folder, names in {
        "prepared/recipes/unconditional-800/": (
            "train@unconditional-800",
            "evaluate@unconditional-800",
            "fid_study@unconditional-800",
        ),
        "prepared/scenarios/mnistm-usps/": ("adapt@mnistm-usps-dann", "tsne@mnistm-usps"),
    }.items():
        for name in names:
            prepared = [dep.def_path for dep in STAGES[name].deps if dep.def_path.startswith("prepared/")]
            assert prepared == [folder]
    assert not upstream("same_noise") & {"faces@faces", "controlnet@circles", "clip@circles", "circles@circles"}


def test_no_stage_declares_the_runtime() -> None:
    """So that changing it reruns nothing."""
    declared = {key for stage in STAGES.values() for key in declared_keys(stage)}
    assert "recipes.joint-cosine.training" in declared
    assert not {key for key in declared if key.split(".")[0] == "runtime"}


@pytest.mark.parametrize("name", STAGES)
def test_a_declared_key_has_no_default(name: str) -> None:
    """DVC does not know defaults: it fails on a key that params.yaml does not have, with an error of its own."""
    tree = load_params(ROOT / "params.yaml")
    for key in declared_keys(STAGES[name]):
        node: Any = tree
        for part in key.split("."):
            required = isinstance(node, dict) or part in OPTIONAL or type(node).model_fields[part].is_required()
            assert required, key
            node = node[part] if isinstance(node, dict) else getattr(node, part)


def test_parameters_are_checked_before_every_stage() -> None:
    check = next(stage for stage in REPO.index.stages if stage.addressing == "check_params")
    for stage in REPO.index.stages:
        assert stage.addressing in ("check_params", "code") or check in descendants(REPO.index.graph, stage)


def test_torchvision_can_be_imported_next_to_any_torch() -> None:
    """Also where a stage looks for it before torch is imported."""
    subprocess.run([sys.executable, "-c", "import difflab, torchvision.ops, diffusers.loaders"], check=True)


def test_the_committed_lock_has_the_stages_of_the_pipeline_and_no_other() -> None:
    """DVC keeps the entry of a stage that is gone."""
    with_command = {stage.addressing for stage in REPO.index.stages if stage.cmd}
    assert set(yaml.safe_load((ROOT / "dvc.lock").read_text(encoding="utf-8"))["stages"]) == with_command
