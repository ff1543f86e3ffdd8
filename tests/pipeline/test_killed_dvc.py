"""After a kill of `dvc repro` while it writes dvc.lock, the same command continues and computes nothing twice."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from dvc.repo import Repo
from repository import Repository

pytestmark = pytest.mark.pipeline
MOMENTS = 20
COMMANDS = ["snakemake --cores 2 models/a", "difflab mend && dvc repro train@a"]


def repro_killed(repository: Repository, share: float) -> None:
    """`dvc repro train@a`, killed with SIGKILL when this share of the new dvc.lock is on the disk."""

    def dump(path, data, dumper, fs=None, **options) -> None:
        dumper(data, text := StringIO(), **options)
        with Path(path).open("w+") as file:
            file.write(text.getvalue()[: int(share * len(text.getvalue()))])
        os.kill(os.getpid(), signal.SIGKILL)

    def reproduce() -> None:
        os.chdir(repository.folder)
        os.environ["PATH"] = os.pathsep.join([str(repository.programs), os.environ["PATH"]])
        with patch("dvc.utils.serialize._common._dump_data", dump):
            repo: Any = Repo()
            repo.reproduce("train@a", single_item=True)

    process = multiprocessing.get_context("fork").Process(target=reproduce)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def test_killed_at_many_moments(work: Repository, tmp_path: Path) -> None:
    work.run("difflab profile smoke judge.training.seed=1 && dvc repro check_params")
    done = work.copy(tmp_path / "done")
    done.run(COMMANDS[0])
    for moment in range(MOMENTS):
        killed = work.copy(tmp_path / f"killed-{moment}")
        repro_killed(killed, (moment + 0.5) / MOMENTS)
        (killed / ".dvc/tmp/rwlock").write_text("")
        killed.run(COMMANDS[moment % 2])
        assert killed.steps_run() == ["models/a/"]
        assert (killed / "dvc.lock").read_bytes() == (done / "dvc.lock").read_bytes()


WRITER = """
from pathlib import Path
from typing import Any
from difflab.pipeline.dvc_repo import modify_lock
from difflab.pipeline.rwlock import edit_rwlock
for number in range(10_000):
    with modify_lock("dvc.lock") as lock:
        lock["stages"]["a"] = {"cmd": f"echo {number}", "outs": [{"path": "a", "md5": str(number)}]}
    with edit_rwlock(".", None, False) as used:
        used["read"][str(number)] = []
    print(number, flush=True)
"""


def test_own_jobs_leave_whole_files(work: Repository) -> None:
    before = (work / "dvc.lock").read_text()
    for moment in range(2, MOMENTS + 2):
        with subprocess.Popen([sys.executable, "-c", WRITER], cwd=work.folder, stdout=subprocess.PIPE) as writer:
            assert writer.stdout
            for _ in range(moment):
                writer.stdout.readline()
            writer.kill()
        assert (work / "dvc.lock").read_text().startswith(before)
        assert json.loads((work / "rwlock").read_text())["write"] == {}
