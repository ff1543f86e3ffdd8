"""dvc.yaml declares for each stage exactly the modules that its script imports and the parameters that it reads."""

import ast
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from dvc.stage import PipelineStage
from networkx import descendants
from sandbox import CANNOT_CHANGE_A_RESULT

ROOT = Path(__file__).parents[2]

EXEMPT = tuple(CANNOT_CHANGE_A_RESULT)
LIBRARIES = ("diffusers", "torchvision")
REPO = Repo(str(ROOT))
STAGES = {
    stage.addressing: stage
    for stage in REPO.index.stages
    if isinstance(stage, PipelineStage) and str(stage.cmd).startswith("python stages/")
}


def script(stage: PipelineStage) -> Path:
    return ROOT / str(stage.cmd).split()[1]


def imported_files(path: Path) -> set[Path]:
    """The difflab modules that a file imports anywhere in it, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    files = {ROOT / "src" / f"{name.replace('.', '/')}.py" for name in names if name.startswith("difflab.")}
    return {file for file in files if file.exists()}


def import_closure(path: Path) -> set[str]:
    """All difflab modules that a script can come to import, as paths in the repository."""
    seen: set[Path] = set()
    front = imported_files(path)
    while front:
        seen |= front
        front = {file for module in front for file in imported_files(module)} - seen
    return {str(file.relative_to(ROOT)) for file in seen}


@pytest.mark.parametrize("name", STAGES)
def test_declared_sources_are_the_imported_ones(name: str) -> None:
    """Each imported module is declared, and nothing of which no module is imported; a folder may hold others too."""
    stage = STAGES[name]
    needed = {module for module in import_closure(script(stage)) if not module.startswith(EXEMPT)}
    deps = [dep.def_path for dep in stage.deps if dep.def_path.startswith("src/")]
    covered = {
        dep: {module for module in needed if module == dep or module.startswith(f"{dep.rstrip('/')}/")} for dep in deps
    }
    assert set().union(*covered.values()) == needed
    assert all(covered.values())
    assert script(stage).relative_to(ROOT).as_posix() in [dep.def_path for dep in stage.deps]


@pytest.mark.parametrize("name", STAGES)
def test_declared_parameters_are_the_read_ones(name: str) -> None:
    stage = STAGES[name]
    declared = {key for dep in stage.deps if isinstance(dep, ParamsDependency) for key in dep.params}
    calls = re.findall(r'load_section\([^,]+, f?"([^"]+)"\)', script(stage).read_text())
    patterns = [re.sub(r"\{.*?\}", "*", key) for key in calls]
    assert len(patterns) == len(declared)
    assert all(any(fnmatch(key, pattern) for pattern in patterns) for key in declared)


def test_package_files_are_empty() -> None:
    """No stage declares them."""
    for path in ROOT.glob("src/difflab/*/__init__.py"):
        assert path.read_text() == "" or path.relative_to(ROOT).as_posix().startswith(EXEMPT)


def test_parameters_are_checked_before_every_stage() -> None:
    check = next(stage for stage in REPO.index.stages if stage.addressing == "check_params")
    for stage in REPO.index.stages:
        assert stage is check or check in descendants(REPO.index.graph, stage)


@pytest.mark.parametrize("path", sorted((ROOT / "src").rglob("*.py")), ids=lambda path: path.stem)
def test_torchvision_is_cured_before_it_is_imported(path: Path) -> None:
    """All of diffusers but its schedulers imports torchvision; a stage in a warm Python would not notice."""
    imports = [node for node in ast.parse(path.read_text()).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    named = [(getattr(node, "module", None), [alias.name for alias in node.names]) for node in imports]
    from_them = [(k, names) for k, (module, names) in enumerate(named) if str(module).startswith(LIBRARIES)]
    needing = [k for k, names in from_them if not all("Scheduler" in name for name in names)]
    cure = (None, ["difflab.torchvision_cure"])
    assert not needing or (cure in named and named.index(cure) < needing[0])
