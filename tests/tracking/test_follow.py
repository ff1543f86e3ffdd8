"""`difflab track --follow`: curves of running trainings."""

import json
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from as_if_run import LOG, log_lines, train

from difflab.tracking import sending
from difflab.tracking.store import opened_store


def steps() -> list[int]:
    with opened_store() as store:
        (run_id,) = (run_id for key, run_id in store.state.runs.items() if key.startswith(".cache/"))
        return [metric.step for metric in store.client.get_metric_history(run_id, "loss")]


def test_follow_sends_until_interrupted(stored: Path, runs, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a store that was down for a while has missed arrives later."""
    running = train(ended=None, status="running", started=time.time())

    def looks():
        assert steps() == [10, 20] and runs()["train@a"].info.status == "RUNNING"
        assert runs()["train@a"].data.params["recipes.a.training.seed"] == "0"
        with Path(LOG).open("a") as log:
            log.write(log_lines(30))
        with monkeypatch.context() as patch:
            patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
            yield
            yield
        yield
        assert steps() == [10, 20, 30]
        running.status, running.ended = "finished", time.time()
        running.write()
        yield
        assert runs()["train@a"].info.status == "FINISHED"
        raise KeyboardInterrupt

    look = looks()
    monkeypatch.setattr(sending, "time", SimpleNamespace(time=time.time, sleep=lambda _: next(look)))
    with pytest.raises(KeyboardInterrupt):
        sending.follow()
    told = capsys.readouterr()
    assert told.err.count("MLflow at http://127.0.0.1:9") == 1
    assert told.out.startswith("MLflow: 1 runs of stages sent")


def test_system_metrics_are_sent_once(stored: Path, runs) -> None:
    """A step is a second since the run began, also of the process that continues it."""
    began = int(time.time()) - 100.0
    for number, (start, seconds) in enumerate([(began, (10, 20)), (began + 50, (60, 70))]):
        record = train(started=start, ended=start + 40, resumed=bool(number))
        lines = [
            json.dumps({"time": began + second, "system/cpu_utilization_percentage": second}) for second in seconds
        ]
        record.system_log.write_text("\n".join([*lines, '{"time": 1']))
        for _ in range(2):
            with opened_store() as store:
                sending.Curves().send_system(store, record)
    run_id = runs()["train@a"].info.run_id
    with opened_store() as store:
        history = store.client.get_metric_history(run_id, "system/cpu_utilization_percentage")
    assert [(metric.step, metric.value) for metric in history] == [(10, 10), (20, 20), (60, 60), (70, 70)]
    assert [metric.timestamp for metric in history] == [1000 * (began + metric.step) for metric in history]


def test_an_interrupt_is_no_error(stored: Path) -> None:
    train()
    with subprocess.Popen(["difflab", "track", "--follow"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert (process.wait(), process.stderr and process.stderr.read()) == (0, b"")
