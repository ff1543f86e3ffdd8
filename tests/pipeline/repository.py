"""A repository for tests to work in."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

EDIT_PARAMETER = "difflab profile smoke judge.training.seed=1"  # every training of the stand-in pipeline is stale


class Repository:
    """A git repository with a pipeline, and what a user types in it; its own sources come before the installed ones.

    Commands are looked for in the folder `programs` first.
    """

    def __init__(self, folder: Path, programs: Path | None = None):
        self.folder = folder
        self.programs = programs

    def __truediv__(self, path: str) -> Path:
        return self.folder / path

    def run(self, command: str) -> str:
        """What `command` prints; a failure raises CalledProcessError."""
        done = self.end(command)
        done.check_returncode()
        return done.stdout + done.stderr

    def end(self, command: str) -> subprocess.CompletedProcess[str]:
        under_test = filter(None, [os.environ.get("PYTHONPATH")])  # where they are not the installed ones
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(self / "src"), *under_test])}
        if self.programs:
            environment["PATH"] = os.pathsep.join([str(self.programs), environment["PATH"]])
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
        return Repository(folder, self.programs)

    def copy(self, folder: Path) -> "Repository":
        shutil.copytree(self.folder, folder)
        return Repository(folder, self.programs)


def start_training(work: Repository, command: str = "snakemake --cores 2 models/a") -> subprocess.Popen[bytes]:
    """`command` in a process group of its own; it waits in the training of model a as long as `hold` is there."""
    (work / "hold").touch()
    process = subprocess.Popen(command.split(), cwd=work.folder, start_new_session=True, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not ((work / "runs.log").exists() and "models/a/" in (work / "runs.log").read_text()):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    return process
