"""dvc.yaml declares for each stage the fingerprint of its script and exactly the parameters that it reads."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from dvc.stage import PipelineStage
from networkx import descendants

ROOT = Path(__file__).parents[2]
REPO = Repo(str(ROOT))
STAGES = {
    stage.addressing: stage
    for stage in REPO.index.stages
    if isinstance(stage, PipelineStage) and str(stage.cmd).startswith("python stages/") and stage.addressing != "code"
}


def script(stage: PipelineStage) -> Path:
    return ROOT / str(stage.cmd).split()[1]


@pytest.mark.parametrize("name", STAGES)
def test_each_stage_declares_the_fingerprint_of_its_script(name: str) -> None:
    """And no source file."""
    deps = [dep.def_path for dep in STAGES[name].deps]
    assert [dep for dep in deps if dep.startswith("code/")] == [f"code/{script(STAGES[name]).stem}.txt"]
    assert not [dep for dep in deps if dep.startswith(("src/", "stages/"))]


@pytest.mark.parametrize("name", STAGES)
def test_declared_parameters_are_the_read_ones(name: str) -> None:
    stage = STAGES[name]
    declared = {key for dep in stage.deps if isinstance(dep, ParamsDependency) for key in dep.params}
    calls = re.findall(r'load_section\([^,]+, f?"([^"]+)"\)', script(stage).read_text())
    patterns = [re.sub(r"\{.*?\}", "*", key) for key in calls]
    assert len(patterns) == len(declared)
    assert all(any(fnmatch(key, pattern) for pattern in patterns) for key in declared)


def test_parameters_are_checked_before_every_stage() -> None:
    check = next(stage for stage in REPO.index.stages if stage.addressing == "check_params")
    for stage in REPO.index.stages:
        assert stage.addressing in ("check_params", "code") or check in descendants(REPO.index.graph, stage)
