"""What `snakemake` prints: of single events, and in runs of the stand-in pipeline."""

import io
import logging
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from repository import Repository
from snakemake_interface_logger_plugins.common import LogEvent

from difflab.pipeline.remaining_time import JOBS, Job
from difflab.pipeline.terminal import Terminal, limits, log_file

EDIT_PARAMETER = "difflab profile smoke judge.training.seed=1"
STAGES = ["all", "curve", "evaluate", "train@a", "train@b"]  # that depend on it


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    """Of a run of two jobs, one after the other, that began at 1000 on one core."""
    monkeypatch.chdir(tmp_path)
    for rule, job in {"a_1": Job("a@1", 597, [], {"cores": 1}), "b": Job("b", 297, ["a_1"], {"cores": 1})}.items():
        monkeypatch.setitem(JOBS, rule, job)
    made = Terminal(io.StringIO())
    send(made, LogEvent.RESOURCES_INFO, 999, cores=1)
    send(made, LogEvent.RUN_INFO, 1000, stats={"a_1": 1, "b": 1, "total": 2})
    send(made, LogEvent.JOB_INFO, 1000, jobid=5, rule_name="a_1")
    return made


def send(terminal: Terminal, event: LogEvent | None, created: float, level: int = logging.INFO, **about: Any) -> None:
    record = logging.makeLogRecord({"event": event, "created": created, "levelno": level, "msg": "", **about})
    terminal.show(record, logging.LogRecord.getMessage)


def shown(terminal: Terminal) -> list[str]:
    terminal.close()
    assert isinstance(terminal.stream, io.StringIO)
    return terminal.stream.getvalue().splitlines()


def test_a_line_for_each_stage(terminal: Terminal) -> None:
    send(terminal, None, 1000, msg="Select jobs to execute...")
    send(terminal, None, 1000, logging.WARNING, msg="a warning")
    send(terminal, LogEvent.JOB_FINISHED, 1600, job_id=5)
    send(terminal, LogEvent.JOB_INFO, 1600, jobid=7, rule_name="b")
    send(terminal, LogEvent.JOB_FINISHED, 1640, job_id=7)
    head, warning, *lines, summary = shown(terminal)
    assert head.startswith("2 stages to run, about 15 min;") and ".cache/logs/STAGE.log" in head
    assert warning == "a warning"
    assert lines == ["1/2  a@1  10 min  about 5 min left", "2/2  b      40 s"]
    assert summary.startswith("2 of 2 stages finished in ")


def test_a_failed_stage_shows_the_end_of_its_log(terminal: Terminal) -> None:
    log = log_file("a@1")
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    send(terminal, LogEvent.ERROR, 1030, logging.ERROR, msg="RuleException:\nCalledProcessError in file Snakefile")
    send(terminal, LogEvent.JOB_ERROR, 1030, logging.ERROR, rule_name="a_1")
    send(terminal, LogEvent.ERROR, 1031, logging.ERROR, msg="MissingOutputException: figures/a.png")
    lines = shown(terminal)[1:]
    assert lines[0] == "FAILED a@1 after 30 s; the end of .cache/logs/a@1.log:"
    assert lines[1:-2] == [f"    line {number}" for number in range(80, 100)]
    assert lines[-2] == "MissingOutputException: figures/a.png"
    assert lines[-1].startswith("0 of 2 stages finished in ") and "failed: a@1" in lines[-1]


def test_limits_of_a_run() -> None:
    assert limits({"cores": 4}) == {"cores": 4}
    assert limits({"nodes": 20}) == {"jobs": 20}
    assert limits({"provided_resources": {"gpu": SimpleNamespace(value=1)}}) == {"gpu": 1}
    assert limits({}) == {}


@pytest.mark.pipeline
def test_run_prints_a_line_for_each_stage_and_keeps_logs(work: Repository) -> None:
    work.run(EDIT_PARAMETER)
    done = work.end("snakemake --cores 2 --resources gpu=1")
    assert done.returncode == 0 and done.stdout == "" and "\r" not in done.stderr
    assert sorted(re.findall(r"^\d/5  (\S+) +\d+ s", done.stderr, re.M)) == STAGES
    assert len(done.stderr.splitlines()) == 1 + 1 + 5 + 1  # the profile, the start, the stages, the end
    assert {path.name for path in (work / ".cache/logs").iterdir()} == {f"{stage}.log" for stage in STAGES}
    assert work.end("snakemake --cores 2 models/a").stderr.count("Nothing to be done") == 1


@pytest.mark.pipeline
def test_failed_stage_is_named_with_its_log_and_the_same_command_continues(work: Repository) -> None:
    work.run(EDIT_PARAMETER)
    step = (work / "step.py").read_text()
    (work / "step.py").write_text("print('one line')\nraise SystemExit('the reason')\n")
    done = work.end("snakemake --cores 1 models/a")
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    (place,) = [number for number, line in enumerate(lines) if line.startswith("FAILED train@a after ")]
    assert lines[place].endswith("; the end of .cache/logs/train@a.log:")
    assert {"    one line", "    the reason"} <= set(lines[place + 1 :])
    assert "failed: train@a" in lines[-1] and "CalledProcessError" not in done.stderr
    (work / "step.py").write_text(step)
    assert work.end("snakemake --cores 1 models/a").returncode == 0


def start(work: Repository, stderr: int) -> subprocess.Popen[bytes]:
    """A snakemake, in a process group of its own, of which a stage waits for as long as `hold` is there."""
    work.run(EDIT_PARAMETER)
    (work / "hold").touch()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "80"}
    command = ["snakemake", "--cores", "2", "models/a"]
    return subprocess.Popen(command, cwd=work.folder, env=environment, start_new_session=True, stderr=stderr)


def wait_for(ready, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 300
    while not ready():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)


@pytest.mark.pipeline
def test_terminal_shows_the_running_stages(work: Repository) -> None:
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    process = start(work, slave)
    os.close(slave)
    shown = b""

    def is_shown() -> bool:
        nonlocal shown
        shown += os.read(master, 1 << 16) if select.select([master], [], [], 1)[0] else b""
        return bool(re.search(rb"\r0/1 .*train@a \d+ s", shown))

    wait_for(is_shown, process)
    (work / "hold").unlink()
    try:
        while more := os.read(master, 1 << 16):
            shown += more
    except OSError:  # the other end is closed
        pass
    os.close(master)
    assert process.wait() == 0
    assert re.search(rb"\r *\r1/1  train@a +\d+ s", shown)  # the line of running stages is cleared first
    assert shown.splitlines()[-1].startswith(b"1 of 1 stage finished in ")


@pytest.mark.pipeline
def test_interrupt_ends_everything(work: Repository, tmp_path: Path) -> None:
    """As Ctrl-C in a terminal does, which sends SIGINT to all processes of the group."""
    log = tmp_path / "stderr"
    with log.open("wb") as stderr:
        process = start(work, stderr.fileno())
        wait_for(lambda: (work / "runs.log").exists(), process)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) != 0
    deadline = time.monotonic() + 60
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(process.pid, 0)
            time.sleep(0.1)
    lines = log.read_text().splitlines()
    assert lines[-1].startswith("Stopped: 0 of 1 stage finished in ") and not any("FAILED" in line for line in lines)
    (work / "hold").unlink()
    work.run("snakemake --cores 2 models/a")
    assert work.planned("models/a") == set()
