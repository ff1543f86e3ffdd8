"""Repositories in temporary folders for the runners to work in."""

import compileall
import json
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sandbox
from repository import Repository
from ruamel.yaml import YAML

from difflab.pipeline.dvc_repo import REPLACED
from tests import warm_client, warm_server

ROOT = Path(__file__).parents[2]
RUNNERS = ["Snakefile", "profiles", ".dvcignore", ".dvc/config", ".dvc/.gitignore", ".gitignore", "conf", "data.dvc"]
COMMANDS = ["dvc", "difflab", "snakemake"]


@pytest.fixture(scope="session", autouse=True)
def own_caches(tmp_path_factory: pytest.TempPathFactory):
    """Git and DVC as on a new machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path_factory.mktemp("dvc")))
        patch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
        for name in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{name}_NAME", "Test")
            patch.setenv(f"GIT_{name}_EMAIL", "test@example.org")
        yield


@pytest.fixture(autouse=True)
def dvc_itself() -> Iterator[None]:
    """What `open_repo` replaces in this process is DVC's own again after each test."""
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in REPLACED:
            patch.setattr(owner, name, getattr(owner, name))
        yield


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, own_caches, warm_runners: Path) -> Repository:
    """The stand-in pipeline under the real Snakefile, check_params and params.yaml (smoke), after `dvc repro`."""
    repository = Repository(tmp_path_factory.mktemp("stand_in") / "built", warm_runners)
    shutil.copytree(Path(__file__).parent / "stand_in", repository.folder)
    for name in RUNNERS:
        (repository / name).parent.mkdir(exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, repository / name)
    yaml = YAML()
    pipeline = yaml.load(repository / "pipeline.yaml")
    pipeline["stages"].insert(0, "check_params", yaml.load(ROOT / "dvc.yaml")["stages"]["check_params"])
    yaml.dump(pipeline, repository / "dvc.yaml")
    for stage in ("fetch", "train"):
        (repository / "source").mkdir(exist_ok=True)
        (repository / f"source/{stage}.txt").write_text(f"the code of {stage}\n")
    with (repository / ".gitignore").open("a") as ignored:
        ignored.write("/runs.log\n/hold\n")
    repository.run("git init --quiet && difflab profile smoke && dvc repro")
    repository.commit("the stand-in pipeline, built")
    repository.steps_run()
    return repository


def keep(params_file: Path, scenario: str, *recipes: str) -> None:
    """Leave out the others: they run through the same stages."""
    yaml = YAML()
    params = yaml.load(params_file)
    params["recipes"] = {name: params["recipes"][name] for name in recipes}
    params["adaptation"]["scenarios"] = {scenario: "all"}
    del params["studies"]["few_steps"]["unconditional-800"]
    yaml.dump(params, params_file)


@contextmanager
def warm_programs(folder: Path, modules: Iterable[str]) -> Iterator[Path]:
    """A folder with `python` and the runners' commands, forked from a Python that has imported `modules`."""
    with warm_server.warm_server(folder, modules) as address:
        (folder / "bin").mkdir()
        for name in ("python", *COMMANDS):
            program = folder / "bin" / name
            script = [] if name == "python" else [str(shutil.which(name))]
            words = shlex.join([sys.executable, "-IS", warm_client.__file__, address, *script])
            program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
            program.chmod(0o755)
        yield folder / "bin"


@pytest.fixture(scope="session")
def warm_runners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with warm_programs(tmp_path_factory.mktemp("warm_runners"), warm_server.RUNNERS) as programs:
        yield programs


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """With the libraries of the stages too."""
    with warm_programs(tmp_path_factory.mktemp("warm"), (*warm_server.RUNNERS, *warm_server.STAGES)) as programs:
        yield programs


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory, own_caches, warm: Path) -> Repository:
    """The working tree, committed with three recipes and one scenario of the smoke profile, after `snakemake`.

    Its jobs ran in folders that held nothing but what their stages declare (see sandbox.py), forked from a warm Python.
    """
    folder = tmp_path_factory.mktemp("real") / "real"
    for name in Repository(ROOT).run("git ls-files --cached --others --exclude-standard").splitlines():
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    repository = Repository(folder, warm)
    repository.run("git init --quiet && difflab profile smoke")
    (repository / "dvc.lock").unlink()  # of another profile, and longer: DVC reads and writes all of it for each stage
    keep(repository / "params.yaml", "mnistm-usps", "joint-cosine", "mnistm-linear", "unconditional-800")
    repository.commit("the working tree")
    python = tmp_path_factory.mktemp("sandbox") / "python"
    known = python.with_name("declared.json")
    known.write_text(json.dumps(sandbox.declared(folder)))
    compileall.compile_dir(folder / "src", quiet=1)  # once, and not in the folder of each job
    sandboxed = f"PYTHONPATH=$PYTHONPATH:{ROOT} exec {warm}/python {sandbox.__file__} {known} {warm.parent}/socket"
    python.write_text(f'#!/bin/sh\ncase $1 in stages/*) {sandboxed} "$@";; *) exec {warm}/python "$@";; esac\n')
    python.chmod(0o755)
    repository.run(f"PATH={python.parent}:$PATH snakemake --cores 2")
    repository.commit("results")
    return repository


@pytest.fixture
def work(built: Repository, tmp_path: Path) -> Repository:
    """A copy of the built stand-in pipeline, to do anything with."""
    return built.copy(tmp_path / "work")
