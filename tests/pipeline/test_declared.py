"""dvc.yaml declares for each stage the fingerprint of its script and exactly the parameters that it reads."""

import ast
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from dvc.stage import PipelineStage
from networkx import descendants

from difflab.config.params import load_params

ROOT = Path(__file__).parents[2]
LIBRARIES = ("diffusers", "torchvision")
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
def test_declared_parameters_are_the_read_ones(name: str) -> None:
    stage = STAGES[name]
    declared = declared_keys(stage)
    calls = re.findall(r'load_section\([^,]+, f?"([^"]+)"\)', script(stage).read_text())
    patterns = [re.sub(r"\{.*?\}", "*", key) for key in calls]
    assert len(patterns) == len(declared)
    assert all(any(fnmatch(key, pattern) for pattern in patterns) for key in declared)


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
            assert isinstance(node, dict) or type(node).model_fields[part].is_required(), key
            node = node[part] if isinstance(node, dict) else getattr(node, part)


def test_parameters_are_checked_before_every_stage() -> None:
    check = next(stage for stage in REPO.index.stages if stage.addressing == "check_params")
    for stage in REPO.index.stages:
        assert stage.addressing in ("check_params", "code") or check in descendants(REPO.index.graph, stage)


@pytest.mark.parametrize("path", sorted((ROOT / "src").rglob("*.py")), ids=lambda path: path.stem)
def test_torchvision_is_cured_before_it_is_imported(path: Path) -> None:
    """All of diffusers but its schedulers imports torchvision; a stage in a warm Python would not notice."""
    imports = [node for node in ast.parse(path.read_text()).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    named = [(getattr(node, "module", None), [alias.name for alias in node.names]) for node in imports]
    from_them = [(k, names) for k, (module, names) in enumerate(named) if str(module).startswith(LIBRARIES)]
    needing = [k for k, names in from_them if not all("Scheduler" in name for name in names)]
    cure = (None, ["difflab"])
    assert not needing or (cure in named and named.index(cure) < needing[0])
