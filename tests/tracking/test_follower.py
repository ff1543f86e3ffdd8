"""The process that sends logs while a training runs, and what it costs the training when the store is down."""

import json
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from difflab.tracking import follower
from difflab.tracking.store import opened_store

TRAINING = """
import sys, time
from pathlib import Path
from difflab.pipeline.run_records import note_params, note_work_folder
from difflab.stage import run
import difflab.tracking.live as live

live.PATIENCE = 0.2

def main():
    note_params("recipes.a.training", {"seed": 0})
    folder = Path(".cache/checkpoints/train-a-0123")
    note_work_folder(folder, resumed=False)
    folder.mkdir(parents=True)
    deadline = time.monotonic() + 300
    with (folder / "train_log.jsonl").open("w") as log:
        for step in range(1, 1000000):
            log.write(f'{{"step": {step}, "loss": 1.0}}\\n')
            log.flush()
            time.sleep(0.05)
            if Path("enough").exists() or time.monotonic() > deadline:
                break
    assert "mlflow" not in sys.modules

run(main)
"""


@pytest.fixture
def training(repository: Path, monkeypatch: pytest.MonkeyPatch):
    """A training of 300 s at most, which a file `enough` ends; its follower ends with it."""
    subprocess.run(["rm", "-r", ".cache"], check=True)
    Path("stages").mkdir()
    Path("stages/train.py").write_text(TRAINING)
    started = []

    def start() -> subprocess.Popen:
        started.append(subprocess.Popen([sys.executable, "stages/train.py", "a"]))
        return started[0]

    yield start
    Path("enough").touch()
    for process in started:
        process.wait()
    for pid in followers():
        subprocess.run(["kill", str(pid)], check=True)


def followers() -> list[int]:
    """Those that work in the present folder."""
    pids = subprocess.run(["pgrep", "-f", "difflab.tracking.follower"], capture_output=True, text=True).stdout.split()
    return [int(pid) for pid in pids if Path(f"/proc/{pid}/cwd").resolve() == Path.cwd()]


def wait_for(condition) -> None:
    deadline = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_log_is_in_the_store_while_the_training_runs(training, stored: Path) -> None:
    process = training()
    wait_for(lambda: any(json.loads(f.read_text())["log_bytes"] for f in Path(".cache/tracking").glob("*.json")))
    assert process.poll() is None
    with opened_store() as store:
        (run_id,) = (store.state.runs[key] for key in store.state.runs if key.startswith(".cache/"))
        run = store.client.get_run(run_id)
    assert run.info.status == "RUNNING" and run.data.metrics["loss"] == 1.0
    assert run.data.params == {"recipes.a.training.seed": "0"}
    (pid,) = followers()
    assert Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[16] == "19"  # its niceness


def test_store_that_never_answers_is_reported_once(training, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        process = training()
        log = Path(".cache/tracking/follower.log")
        wait_for(lambda: log.exists() and "difflab track" in log.read_text())
        assert process.poll() is None
        Path("enough").touch()
        assert process.wait() == 0
        assert log.read_text().count("what was recorded is kept") == 1
    assert len(list(Path(".cache/runs").glob("*.json"))) == 1


def test_a_look_that_takes_long_is_no_idleness(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does on a machine at work; the follower stays as long as anything runs."""
    running = SimpleNamespace(alive=True, host=socket.gethostname(), training_logs=[Path("train_log.jsonl")])
    looks = iter([[running]] * 3)
    sent = []

    @contextmanager
    def slow_store():
        time.sleep(0.3)
        yield None

    monkeypatch.setattr(follower, "read_records", lambda: next(looks, []))
    monkeypatch.setattr(follower, "opened_store", slow_store)
    monkeypatch.setattr(follower.LogSender, "send", lambda self, store, record: sent.append(record))
    monkeypatch.setattr(follower, "LINGER", 0.2)
    monkeypatch.setattr(follower, "INTERVAL", 0.1)
    follower.follow()
    assert sent == [running] * 3
