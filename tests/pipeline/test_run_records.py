"""Run records: their contents, and when none is written."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dvc.repo import Repo
from dvc.stage import PipelineStage

from difflab.history.plan import seconds_by_command
from difflab.pipeline import run_records
from difflab.pipeline.run_records import RunRecord, read_records, recorded, stage_name

ROOT = Path(__file__).parents[2]
STAGE = """
import os, signal, sys
from pathlib import Path
from typing import Annotated
from difflab.pipeline.run_records import note_work_folder
from difflab.errors import UserError
from difflab.stage import Section, run

def main(how: str, rate: Annotated[float, Section("train.rate")]) -> None:
    folder = Path(f".cache/checkpoints/train-{how}-0")
    note_work_folder(folder, resumed=folder.exists())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train_log.jsonl").touch()
    if how == "mistake":
        raise UserError("a mistake")
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)

run(main)
"""


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    Path("stages").mkdir()
    Path("stages/train.py").write_text(STAGE)
    Path("params.yaml").write_text("train:\n  rate: 0.5\n")

    def call(*arguments: str) -> list[RunRecord]:
        subprocess.run([sys.executable, "stages/train.py", *arguments], capture_output=True)
        return read_records()

    return call


def test_a_record_says_what_ran_when(stage) -> None:
    before = time.time()
    (record,) = stage("a")
    assert (record.command, record.stage) == ("python stages/train.py a", "train@a")
    assert before < record.started < record.ended < time.time()
    assert record.params == {"train.rate": 0.5}
    assert (record.status, record.resumed, record.alive, record.commit) == ("finished", False, False, None)
    assert [log.parent.parent.name for log in record.training_logs] == ["checkpoints"]


def test_how_a_stage_ended(stage) -> None:
    assert [record.status for record in stage("mistake")] == ["failed"]
    (_, killed) = stage("killed")
    assert (killed.status, killed.ended, killed.alive) == ("running", None, False)
    (*_, again) = stage("killed")
    assert again.resumed and again.pipeline == killed.pipeline


def test_of_another_host_the_heartbeat_is_known(stage) -> None:
    """A cluster's jobs share the folder of records; no process of theirs can be asked for here."""
    (record,) = stage("killed")
    record.host = "node-7"
    record.write()
    assert record.alive
    long_ago = time.time() - 2 * run_records.SILENCE
    os.utime(record.file, (long_ago, long_ago))
    assert not record.alive
    record.file.unlink()
    assert not record.alive


def test_a_running_stage_touches_its_record(stage, monkeypatch) -> None:
    """And notes how busy the machine is."""
    monkeypatch.setattr(run_records, "HEARTBEAT", 0.01)
    monkeypatch.setattr(sys, "argv", ["stages/train.py", "b"])

    def main() -> None:
        (record,) = read_records()
        os.utime(record.file, (0, 0))
        deadline = time.time() + 30
        while not (record.system_log.exists() and record.system_log.read_bytes()) and time.time() < deadline:
            time.sleep(0.01)
        assert time.time() - record.file.stat().st_mtime < run_records.SILENCE

    recorded(main)
    (record,) = read_records()
    line = json.loads(record.system_log.read_text().splitlines()[0])
    assert record.status == "finished" and record.started <= line["time"] <= time.time()
    assert 0 <= line["system/cpu_utilization_percentage"] <= 100
    assert 0 < line["system/process_memory_usage_megabytes"] < line["system/system_memory_usage_megabytes"]


STARTING = """
import os, sys, time
from difflab.pipeline.run_records import recorded
fsync = os.fsync
os.fsync = lambda descriptor: (time.sleep(0.3), fsync(descriptor))  # a slow disk
recorded(lambda: None)
"""


def test_stages_that_start_together_keep_one_copy_of_params(stage) -> None:
    Path("stages/train.py").write_text(STARTING)
    jobs = [subprocess.Popen([sys.executable, "stages/train.py", name], stderr=subprocess.PIPE) for name in "abc"]
    errors = [job.communicate()[1].decode() for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0, 0], errors
    records = read_records()
    assert [record.status for record in records] == ["finished"] * 3
    assert list(records[0].params_file.parent.iterdir()) == [records[0].params_file]


def test_help_and_wrong_arguments_leave_no_record(stage) -> None:
    assert stage("--help") == stage() == []


def test_an_experiment_in_a_temporary_folder_keeps_its_record(stage, tmp_path_factory, monkeypatch) -> None:
    root = tmp_path_factory.mktemp("root")
    monkeypatch.setenv("DVC_ROOT", str(root))
    monkeypatch.setenv("DVC_EXP_NAME", "happy-cat")
    (record,) = stage("a")
    assert record.experiment == "happy-cat" and record.file.parent == root / ".cache/runs" and record.file.exists()
    shutil.rmtree(".cache")  # as DVC does
    assert [log.parent.name for log in record.training_logs] == ["train-a-0"]


def test_library_tells_where_the_stage_works(stage, monkeypatch) -> None:
    from difflab.pipeline.resume import locked_folder

    monkeypatch.setattr(sys, "argv", ["stages/train.py", "b"])
    for resumed in (False, True):

        def main() -> None:
            with locked_folder(Path(".cache/checkpoints"), "train-b", [0.5], []) as work:
                (work / "state").touch()
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            recorded(main)
        *_, record = read_records()
        assert record.resumed is resumed
        (folder,) = record.work_folders
        assert folder.startswith(".cache/checkpoints/train@b/train-b-")


def test_what_is_no_record_is_skipped_and_named(stage, capsys) -> None:
    """An empty file of a full disk, a copy, one of another program or another time."""
    (record,) = stage("a")
    whole = record.file.read_bytes()
    foreign = {
        "empty": b"",
        "cut off": whole[:40],
        "list": b"[]",
        "foreign": b'{"name": 1}',
        "latin-1": b'{"command": "caf\xe9"}',
        "other command": whole.replace(b"python stages/train.py a", b"x"),
        "other type": whole.replace(b'"edited": false', b'"edited": "maybe"'),
        "copy": whole,
        "deep": b'{"command": ' + 100_000 * b"[",
    }
    for name, content in foreign.items():
        (record.file.parent / f"{name}.json").write_bytes(content)
    (record.file.parent / "folder.json").mkdir()
    (record.file.parent / "gone.json").symlink_to("nosuch")
    assert read_records() == read_records() == [record]
    told = capsys.readouterr().err.splitlines()
    assert len(told) == len(foreign) + 1 and all(line.startswith("warning: ") for line in told)
    assert {Path(line.split(".json: skipped")[0]).name for line in told} == {*foreign, "folder"}


def test_names_are_those_of_dvc() -> None:
    with Repo(str(ROOT)) as repo:
        stages = [s for s in repo.index.stages if isinstance(s, PipelineStage) and str(s.cmd).startswith("python ")]
        for stage in stages:
            kind, _, item = str(stage.addressing).partition("@")
            said = not item or set(item.split("-")) & set(str(stage.cmd).replace("-", " ").split())
            assert stage_name(str(stage.cmd)) == (stage.addressing if said else kind)
        assert len({stage_name(str(stage.cmd)) for stage in stages}) == len(stages)


def test_time_is_that_of_the_last_whole_run() -> None:
    common = {"command": "c", "commit": None, "edited": False, "experiment": None, "params_sha256": ""}
    runs = [
        {"started": 1.0, "ended": 61.0, "status": "finished"},
        {"started": 2.0, "ended": 52.0, "status": "finished"},
        {"started": 3.0, "ended": 4.0, "status": "finished", "resumed": True},
        {"started": 5.0, "ended": 6.0, "status": "failed"},
        {"started": 7.0, "pid": os.getpid()},
    ]
    assert seconds_by_command([RunRecord(**common | run) for run in runs]) == {"c": 50.0}
