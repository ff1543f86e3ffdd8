"""Work folders of stages: which process uses one, and when it is removed."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from difflab.cli import clean
from difflab.errors import UserError
from difflab.pipeline import run_records
from difflab.pipeline.files import HOST
from difflab.pipeline.run_records import RunRecord, note_work_folder, read_records, recorded, running_stage
from difflab.pipeline.work_folders import LOG, is_begun

FOLDER = Path(".cache/checkpoints/train@a/train-a-0123")
STAGE = """
import os, sys, time
from pathlib import Path
from difflab.pipeline.files import atomic_write
from difflab.stage import run

def main(name: str) -> None:
    with atomic_write("models/a") as folder:
        folder.mkdir()
        for step in range(10):
            (folder / f"{step}.txt").write_text(str(step))
            print("step", step, flush=True)
            if name == "a" and step == 5:
                sys.stdin.read()

run(main)
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["stages/train.py", "a"])
    Path("stages").mkdir()
    Path("stages/train.py").write_text(STAGE)


def train() -> None:
    note_work_folder(FOLDER, resumed=False)
    (FOLDER / "snapshots").mkdir(parents=True, exist_ok=True)
    for file in ("checkpoint", LOG, "snapshots/step_000001.safetensors"):
        (FOLDER / file).write_text("x" * 1000)


@pytest.mark.parametrize(
    ("name", "begun"), [(f"checkpoint.{HOST}-1.partial/checkpoint", False), (LOG, False), ("checkpoint", True)]
)
def test_nothing_goes_on_from_a_file_that_is_not_whole(name: str, begun: bool) -> None:
    (FOLDER / name).parent.mkdir(parents=True)
    (FOLDER / name).touch()
    assert is_begun(FOLDER) == begun


def left() -> list[str]:
    return sorted(file.name for file in FOLDER.rglob("*") if file.is_file())


EVERYTHING = ["checkpoint", "step_000001.safetensors", LOG]


def test_a_finished_stage_keeps_its_log_alone():
    recorded(train)
    assert left() == [LOG]
    (record,) = read_records()
    assert record.training_logs == [FOLDER.absolute() / LOG]


@pytest.mark.parametrize(
    "error", [UserError("x"), OSError(errno.ENOSPC, "no room"), KeyboardInterrupt(), KeyError("x")]
)
def test_a_stage_that_fails_keeps_everything(error):
    def main() -> None:
        train()
        raise error

    with pytest.raises(type(error)):
        recorded(main)
    assert left() == EVERYTHING


WAITER = "from difflab.pipeline.locks import alone\nwith alone('train@a'): pass"


def test_what_another_process_waits_for_is_kept():
    """The second run of the same stage loads what the first has made, in place of making it once more."""

    def main() -> None:
        train()
        waiting.append(subprocess.Popen([sys.executable, "-c", WAITER], stderr=subprocess.PIPE))
        assert waiting[0].stderr and b"waiting" in waiting[0].stderr.readline()
        time.sleep(0.5)  # the line comes a moment earlier than the lock of who waits

    waiting: list[subprocess.Popen[bytes]] = []
    recorded(main)
    assert waiting[0].wait() == 0
    assert left() == EVERYTHING


def test_what_an_orphan_has_made_is_kept(monkeypatch):
    """Nobody enters its outputs into dvc.lock, so the stage runs again."""

    def main() -> None:
        train()
        monkeypatch.setattr(os, "getppid", lambda: 1)

    monkeypatch.setattr(os, "getppid", lambda: 2)  # these tests may themselves be an orphan
    recorded(main)
    assert left() == EVERYTHING


def test_a_record_that_cannot_be_written_loses_no_finished_stage(monkeypatch, capsys):
    write = RunRecord.write

    def full(self: RunRecord) -> None:
        if self.ended:
            raise OSError(errno.ENOSPC, "No space left on device", "runs/x.json")
        write(self)

    monkeypatch.setattr(RunRecord, "write", full)
    recorded(train)
    assert capsys.readouterr().err == "runs/x.json: No space left on device\n"


def test_a_stage_on_a_read_only_disk_ends_before_its_work(monkeypatch):
    def read_only(*_, **__) -> None:
        raise OSError(errno.EROFS, "Read-only file system", ".cache/locks")

    monkeypatch.setattr("difflab.pipeline.locks.FOLDER", type("Folder", (), {"mkdir": read_only})())
    with pytest.raises(OSError, match="Read-only"):
        recorded(lambda: pytest.fail("it worked"))


def test_the_running_stage_is_known():
    names = []
    recorded(lambda: names.append(running_stage()))
    assert names == ["train@a"] and running_stage() is None


def start(name: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    command = [sys.executable, "stages/train.py", name]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def made() -> dict[str, str]:
    return {str(file): file.read_text() for file in Path("models").rglob("*") if file.is_file()}


WHOLE = {f"models/a/{step}.txt": str(step) for step in range(10)}


def test_two_processes_of_one_stage_work_one_after_the_other():
    first, second = start("b"), start("b")
    outputs = [process.communicate() for process in (first, second)]
    assert [process.returncode for process in (first, second)] == [0, 0]
    assert sum("waiting" in errors for _, errors in outputs) <= 1
    assert made() == WHOLE and [folder.name for folder in Path("models").iterdir()] == ["a"]
    before, after = sorted(read_records(), key=lambda record: record.started)
    assert before.ended and before.ended <= after.started, "the time of waiting is no time of the stage"


def test_an_orphan_goes_on_and_the_second_run_after_it():
    """Each starts with an empty output folder; the second neither removes the first's nor is mixed into it."""
    orphan = start("a")
    assert orphan.stdout and orphan.stdin
    while orphan.stdout.readline() != "step 5\n":
        assert orphan.poll() is None
    second = start("a")
    assert second.stderr and "waiting" in second.stderr.readline()
    assert not made().keys() & WHOLE.keys()
    orphan.stdin.close()
    assert orphan.wait() == 0 and made() == WHOLE
    second.communicate("")
    assert second.returncode == 0 and made() == WHOLE


def test_what_a_killed_stage_left_half_is_removed_by_the_next():
    killed = start("a")
    assert killed.stdout
    while killed.stdout.readline() != "step 5\n":
        assert killed.poll() is None
    killed.kill()
    killed.communicate()
    assert len(made()) == 6 and not made().keys() & WHOLE.keys()
    second = start("a")
    second.communicate("")
    assert made() == WHOLE


HOLDER = """
import sys
from difflab.pipeline.locks import alone

with alone("train@a"):
    print("alone", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("held", [True, False])
def test_clean_says_what_it_removes_and_keeps_what_is_in_use(capsys, held):
    monkeypatched = pytest.MonkeyPatch()
    monkeypatched.setattr(run_records, "_tidy", lambda *_: None)
    recorded(train)
    monkeypatched.undo()
    batches = Path(".cache/samples/sample@b%2Fc/sample-0123")
    batches.mkdir(parents=True)
    (batches / "000000.safetensors").write_bytes(b"x" * 2_500_000)
    older = Path(".cache/checkpoints/train-a-4567")  # of an earlier version
    older.mkdir()
    (older / "checkpoint.pt").write_bytes(b"x" * 500)
    Path(".cache/checkpoints/train-a-4567.lock").touch()
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout and holder.stdin and holder.stdout.readline() == "alone\n"
        if not held:
            holder.stdin.close()
            holder.wait()
        clean()
    lines = capsys.readouterr().out.splitlines()
    assert left() == (EVERYTHING if held else [LOG])
    assert not batches.exists() and not older.exists()
    (line,) = [line for line in lines if line.startswith(".cache/checkpoints/train@a")]
    assert ("train@a" in line and "kept" in line) if held else "2.00kB" in line
    (line,) = [line for line in lines if line.startswith(".cache/samples/sample@b%2Fc")]
    assert "2.50MB" in line
    assert "2.50MB" in lines[-1]
    clean()
    assert capsys.readouterr().out.splitlines() == ["0.00B removed"] or held
