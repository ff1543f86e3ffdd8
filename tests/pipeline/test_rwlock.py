"""DVC waits only for living processes, of this host and of others."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from dvc.lock import LockError
from dvc.rwlock import rwlock
from repository import EDIT_PARAMETER, Repository

from difflab.history.mending import RWLOCK, mend
from difflab.pipeline.dvc_repo import open_repo
from difflab.pipeline.locks import alone_if_free, lock_file
from difflab.pipeline.rwlock import named_job

OUTPUT = "models/a"
JOB = """
import sys
from dvc.rwlock import rwlock
from difflab.pipeline.dvc_repo import open_repo
from difflab.pipeline.rwlock import named_job

open_repo()
with named_job(), rwlock(".dvc/tmp", None, " ".join(sys.argv), [], ["models/a"], False):
    print(flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["dvc", "init", "--no-scm", "--quiet"], check=True)
    open_repo()


def listed() -> dict[str, dict[str, object]]:
    return json.loads(RWLOCK.read_bytes()).get("write", {})


def list_writer(pid: int, command: str) -> None:
    RWLOCK.write_text(json.dumps({"write": {OUTPUT: {"pid": pid, "cmd": command}}, "read": {}}))


def is_busy() -> bool:
    try:
        with rwlock(".dvc/tmp", None, " ".join(sys.argv), [OUTPUT], [], False):
            return False
    except LockError as error:
        return OUTPUT in str(error)


@pytest.fixture
def sleeping() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "dvc", "repro", "train@a"]) as process:
        yield process
        process.kill()


def dead_pid() -> int:
    return next(pid for pid in range(2**22, 0, -1) if not psutil.pid_exists(pid))


def test_a_command_that_runs_here_is_waited_for(repository: None, sleeping: subprocess.Popen[bytes]) -> None:
    list_writer(sleeping.pid, "/a/b/dvc repro train@a")
    assert is_busy() and mend() == [] and OUTPUT in listed()
    sleeping.kill()
    assert sleeping.wait() and not is_busy()


@pytest.mark.parametrize("whose", ["of nobody", "of another program", "of this process"])
def test_a_command_with_a_number(repository: None, sleeping: subprocess.Popen[bytes], whose: str) -> None:
    pid = {"of nobody": dead_pid(), "of another program": sleeping.pid, "of this process": os.getpid()}[whose]
    list_writer(pid, "/a/b/dvc repro train@b")
    assert not is_busy() and listed() == {}
    list_writer(pid, "/a/b/dvc repro train@b")
    (line,) = mend()
    assert str(RWLOCK) in line and str(pid) in line and "train@b" in line and listed() == {}
    assert mend() == []


@pytest.mark.parametrize(
    ("number", "how"),
    [("its own", None), ("of nobody", signal.SIGTERM), ("of another program", signal.SIGKILL)],
)
def test_a_job_is_waited_for_as_long_as_it_lives(
    repository: None, sleeping: subprocess.Popen[bytes], number: str, how: signal.Signals | None
) -> None:
    """On another host its number is that of nobody, or of any program."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", JOB], stdin=pipe, stdout=pipe) as job:
        assert job.stdout and job.stdin and job.stdout.readline()
        entry = listed()[OUTPUT]
        here = {"its own": job.pid, "of nobody": dead_pid(), "of another program": sleeping.pid}[number]
        list_writer(here, str(entry["cmd"]))
        assert is_busy() and mend() == [] and listed()
        list_writer(job.pid, str(entry["cmd"]))
        job.send_signal(how) if how else job.stdin.close()
        job.wait()
    if how:
        list_writer(here, str(entry["cmd"]))
    assert not is_busy() and listed() == {} and mend() == []
    assert list(lock_file("job").parent.glob("job-*")) == []


def test_a_job_is_not_stopped_by_its_own_entries(repository: None) -> None:
    before = list(sys.argv)
    with named_job(), rwlock(".dvc/tmp", None, " ".join(sys.argv), [], [OUTPUT], False):
        assert not is_busy()
        with alone_if_free(sys.argv[-1]) as free:
            assert not free and sys.argv[:-1] == before
    assert sys.argv == before and listed() == {}


@pytest.mark.pipeline
def test_stages_run_where_another_host_was_killed(work: Repository, sleeping: subprocess.Popen[bytes]) -> None:
    """Its number is in use here; DVC alone would wait for ever."""
    writer = {"pid": sleeping.pid, "cmd": "/a/job.py train@b job-elsewhere-7-1.000"}
    readers = [{"pid": sleeping.pid, "cmd": "/a/b/dvc repro evaluate"}]
    used = {"write": {str(work / "models/a"): writer}, "read": {str(work / "models/b"): readers}}
    work.run(EDIT_PARAMETER)
    (work.folder / RWLOCK).write_text(json.dumps(used))
    assert "is busy" in work.end("dvc repro train@a").stderr
    assert work.run("difflab mend").count(str(sleeping.pid)) == 2
    (work.folder / RWLOCK).write_text(json.dumps(used))
    work.run("snakemake --cores 2 models/a models/b")
    assert sorted(work.steps_run()) == ["models/a/", "models/b/"]
