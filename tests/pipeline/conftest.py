"""Repositories in temporary folders for the runners to work in."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
RUNNERS = ["Snakefile", "profiles", ".dvcignore", ".dvc/config", ".dvc/.gitignore", ".gitignore", "conf", "data.dvc"]


class Repository:
    """A git repository with a pipeline, and what a user types in it; its own sources come before the installed ones."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __truediv__(self, path: str) -> Path:
        return self.folder / path

    def run(self, command: str) -> str:
        """What `command` prints; a failure raises CalledProcessError."""
        done = self.end(command)
        done.check_returncode()
        return done.stdout + done.stderr

    def end(self, command: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": str(self / "src")}
        done = subprocess.run(command, shell=True, cwd=self.folder, env=environment, capture_output=True, text=True)
        print(f"$ {command}\n{done.stdout}{done.stderr}")  # pytest shows it when the test fails
        return done

    def commit(self, message: str = "change") -> None:
        self.run(f"git add --all && git commit --quiet --message '{message}'")

    def planned(self, targets: str = "") -> set[str]:
        """The rules that `snakemake --dry-run` would run."""
        table = self.run(f"snakemake {targets} --dry-run --quiet rules")
        return set(re.findall(r"^(\w+) +1$", table, re.MULTILINE)) - {"all", "total"}

    def is_up_to_date(self) -> bool:
        return self.run("dvc status") == "Data and pipelines are up to date.\n"

    def steps_run(self) -> list[str]:
        """The first out of each step that has run since the last call."""
        log = self / "runs.log"
        steps = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return steps

    def clone(self, folder: Path) -> "Repository":
        self.run(f"git clone --quiet . {folder}")
        return Repository(folder)

    def copy(self, folder: Path) -> "Repository":
        shutil.copytree(self.folder, folder)
        return Repository(folder)


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


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, own_caches) -> Repository:
    """The stand-in pipeline under the real Snakefile, check_params and params.yaml (smoke), after `dvc repro`."""
    repository = Repository(tmp_path_factory.mktemp("stand_in") / "built")
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


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory, own_caches) -> Repository:
    """The working tree as it is, committed in the smoke profile, after `dvc repro`."""
    folder = tmp_path_factory.mktemp("real") / "real"
    files = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True
    )
    for name in files.splitlines():
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    repository = Repository(folder)
    repository.run("git init --quiet && difflab profile smoke")
    repository.commit("the working tree")
    repository.run("dvc repro")
    repository.commit("results")
    return repository


@pytest.fixture
def work(built: Repository, tmp_path: Path) -> Repository:
    """A copy of the built stand-in pipeline, to do anything with."""
    return built.copy(tmp_path / "work")
