"""Run records: a small JSON file in `.cache/runs/` for each start of a stage.

DVC records inputs and outputs, but not when a stage ran, for how long and at which commit. The stage's process
writes this with the standard library alone; `difflab track`, `difflab why` and `difflab plan` read the records.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from difflab.errors import explain, warn
from difflab.pipeline.declared_outputs import check_outputs, outputs_of
from difflab.pipeline.files import atomic_write
from difflab.pipeline.locks import alone, file_name, is_awaited
from difflab.pipeline.processes import is_first
from difflab.pipeline.system_metrics import SystemMetrics
from difflab.pipeline.work_folders import LOG, empty

HEARTBEAT = 10.0  # seconds between two touches of a running stage's record, and between lines of its system metrics
SILENCE = 600.0  # seconds without a touch until a stage on another host counts as dead; clocks may differ a little
OF_SEVERAL_STAGES = ("study_samples", "study_results")  # scripts whose first argument is the stage's name
SOURCES = ("src", "stages", "dvc.yaml", "metrics/*.yaml")  # files in git that can change a stage's outputs


def root() -> Path:
    """The repository, also in an experiment that DVC runs in a temporary copy, which DVC deletes.

    For every process of a stage but the first, its own folder.
    """
    return Path(os.environ.get("DVC_ROOT", ".") if is_first() else ".").resolve()


def folder() -> Path:
    return root() / ".cache/runs"


@dataclass
class RunRecord:
    """One run of one stage."""

    command: str  # as in dvc.yaml
    started: float  # seconds since the epoch, as is `ended`
    commit: str | None  # HEAD; None outside git
    edited: bool  # sources differ from that commit
    experiment: str | None  # its name in DVC
    params_sha256: str  # hash of the whole params.yaml
    params: dict[str, Any] = field(default_factory=dict)  # the sections that the stage has read
    work_folders: list[str] = field(default_factory=list)  # see resume.py; that of a training contains its log
    resumed: bool = False  # continued a killed run
    ended: float | None = None
    status: Literal["running", "finished", "failed"] = "running"
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)

    @property
    def stage(self) -> str:
        return stage_name(self.command)

    @property
    def file(self) -> Path:
        return folder() / f"{self.started:.3f}-{file_name(self.stage)}-{self.pid}.json"

    @property
    def pipeline(self) -> str:
        """Key of a run of the pipeline: one commit with one params.yaml, also if it was killed and resumed."""
        key = [self.commit, self.params_sha256, self.experiment]
        return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]

    @property
    def params_file(self) -> Path:
        """A copy of the whole params.yaml of this run."""
        return folder() / "params" / f"{self.params_sha256}.yaml"

    @property
    def system_log(self) -> Path:
        """The file of system metrics, in JSON Lines; see system_metrics.py."""
        return self.file.with_suffix(".jsonl")

    @property
    def seconds(self) -> float | None:
        return self.ended - self.started if self.ended else None

    @property
    def training_logs(self) -> list[Path]:
        """The existing logs of this stage's trainings; see training/fit.py."""
        places = ((root() / path / LOG, self._kept_log(path)) for path in self.work_folders)
        return [log for place in places for log in list(filter(Path.exists, place))[:1]]

    @property
    def alive(self) -> bool:
        """Whether the stage is running: its process exists, or another host has touched the record recently."""
        if self.status != "running":
            return False
        if self.host != socket.gethostname():
            return self.file.exists() and time.time() - self.file.stat().st_mtime < SILENCE
        import psutil

        try:
            return psutil.Process(self.pid).create_time() <= self.started
        except psutil.NoSuchProcess:
            return False

    def keep_logs(self) -> None:
        """Copy the training logs of an experiment out of the temporary folder, which DVC removes."""
        for path in self.work_folders if Path.cwd() != root() else ():
            if (log := root() / path / LOG).exists():
                self._kept_log(path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(log, self._kept_log(path))

    def _kept_log(self, work_folder: str) -> Path:
        return self.file.with_suffix("") / Path(work_folder).name / LOG

    def write(self) -> None:
        with atomic_write(self.file) as partial:
            partial.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")


_current: RunRecord | None = None


def stage_name(command: str) -> str:
    """DVC's name of the stage with this command, such as train@joint-cosine.

    The part after "@" is missing if it is not in the command, as for clip@circles.
    """
    _, script, *arguments = shlex.split(command)
    name = Path(script).stem
    if name in OF_SEVERAL_STAGES and arguments:
        name, *arguments = arguments
    return "@".join([name, *filter(None, ["-".join(arguments)])])


def recorded(main: Callable[[], object]) -> None:
    """Call the main function of a stage script as soon as no other process is running the stage, and keep a record.

    An orphan of a killed pipeline may still be running the stage: waiting for it and resuming from its checkpoints is
    correct whether it finishes or dies. A call that argparse ends leaves no record.
    """
    command, parent = shlex.join(["python", *sys.argv]), os.getppid()
    with alone(stage_name(command)):
        check_outputs(outputs_of(command))
        record = _new_record(command)
        with _recording(record):
            main()
            _tidy(record, parent)


def _new_record(command: str) -> RunRecord:
    file = Path("params.yaml")
    params = file.read_bytes() if file.exists() else b""
    record = RunRecord(
        command=command,
        started=time.time(),
        commit=_git("rev-parse", "HEAD"),
        edited=bool(_git("status", "--porcelain", "--", *SOURCES)),
        experiment=os.environ.get("DVC_EXP_NAME"),
        params_sha256=hashlib.sha256(params).hexdigest(),
    )
    _keep_params(record.params_file, params)
    return record


def _keep_params(file: Path, params: bytes) -> None:
    """Takes a lock: jobs that start together write the same file, and each holds only the lock of its stage."""
    if file.exists():
        return
    with alone("params.yaml"):
        if not file.exists():
            with atomic_write(file) as partial:
                partial.write_bytes(params)


@contextmanager
def _recording(record: RunRecord) -> Iterator[None]:
    """Write `record` before the block, touch it during the block, and write it again with the outcome."""
    global _current
    record.write()
    _current = record
    ended = threading.Event()
    threading.Thread(target=_beat, args=(record, ended), daemon=True).start()
    try:
        yield
        record.status = "finished"
    except SystemExit:
        record.file.unlink()
        raise
    except BaseException:
        record.status = "failed"
        raise
    finally:
        _current = None
        ended.set()
        if record.file.exists():
            record.ended = time.time()
            with _not_failing_the_stage() if record.status == "finished" else suppress(OSError):
                record.write()
                record.keep_logs()


def _tidy(record: RunRecord, parent: int) -> None:
    """Empty the work folders of a finished stage, unless it will run again.

    It will if another process is waiting for it, or if the pipeline that started it was killed, because its outputs are
    then not recorded in dvc.lock.
    """
    with _not_failing_the_stage():
        if is_awaited(record.stage) or os.getppid() != parent:
            return
        for folder in (root() / path for path in record.work_folders):
            empty(folder)


@contextmanager
def _not_failing_the_stage() -> Iterator[None]:
    """Print errors of writing a record instead of failing a finished stage."""
    try:
        yield
    except OSError as error:
        print(explain(error), file=sys.stderr, flush=True)


def _beat(record: RunRecord, ended: threading.Event) -> None:
    """Touch the record regularly, so that hosts that share this folder know whether the stage is running."""
    system = SystemMetrics(record.system_log)
    while not ended.wait(HEARTBEAT):
        with suppress(OSError):
            os.utime(record.file)
            system.write()


def note_params(key: str, value: Any) -> None:
    """Record that the running stage has read this section of params.yaml."""
    if _current:
        _current.params[key] = value


def note_work_folder(path: Path, resumed: bool) -> None:
    """Record a work folder of the running stage, and whether the stage resumes a killed run there."""
    if _current:
        _current.work_folders.append(os.path.relpath(path.absolute(), root()))
        _current.resumed |= resumed
        _current.write()


def running_stage() -> str | None:
    """The stage that this process runs; None outside a stage."""
    return _current.stage if _current else None


def read_records() -> list[RunRecord]:
    """All records, oldest first. Other files are skipped with a warning: results do not depend on records."""
    from pydantic import TypeAdapter  # here, because it would slow down the start of every stage

    adapter, records = TypeAdapter(RunRecord), []
    for file in folder().glob("*.json"):
        try:
            record = adapter.validate_json(file.read_bytes())
            if record.file.name == file.name:
                records.append(record)
            else:
                warn(f"{file}: skipped: found the record {record.file.name}, allowed: one of this name")
        except FileNotFoundError:
            pass  # such as the record of a stage that argparse has just ended
        except (OSError, ValueError) as error:
            warn(f"{file}: skipped: found no record of a stage ({type(error).__name__})")
    return sorted(records, key=lambda record: record.started)


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
