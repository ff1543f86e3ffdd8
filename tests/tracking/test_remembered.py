"""`difflab track` after others have changed the store or records: nothing blocks it, nothing is sent twice."""

import json
import sys
import time
from pathlib import Path

import pytest
import yaml
from as_if_run import LOG, log_lines, record, train

from difflab.cli import main
from difflab.tracking import sending
from difflab.tracking.sending import track
from difflab.tracking.store import StoreError, opened_store


def steps(run_id: str) -> list[int]:
    with opened_store() as store:
        return [metric.step for metric in store.client.get_metric_history(run_id, "loss")]


def test_deleted_runs_and_experiments_do_not_block(stored: Path, runs, capsys) -> None:
    """Deleted in MLflow's pages: what has ended since is sent, what was deleted stays so."""
    killed = train(ended=None, status="running", pid=2**22 + 1, started=time.time() - 100)
    track()
    with opened_store() as store:
        for run in store.client.search_runs([store.experiment_id]):
            store.client.delete_run(run.info.run_id)
    assert "0 runs" in track() and runs() == {}
    train(resumed=True)
    record("evaluate.py a")
    assert "2 runs" in track()
    found = runs()
    assert found["train@a"].info.status == "FINISHED" and steps(found["train@a"].info.run_id) == [10, 20]
    assert found["train@a"].data.tags["mlflow.parentRunId"] in {run.info.run_id for run in found.values()}
    assert not killed.alive

    with opened_store() as store:
        store.client.delete_run(found["train@a"].info.run_id)
        store.client.delete_experiment(store.experiment_id)
    record("evaluate.py a", started=time.time())
    capsys.readouterr()
    assert "1 runs" in track()
    assert "the experiment 'difflab' was deleted; it is restored" in capsys.readouterr().err


def test_purged_runs_are_made_again_when_there_is_more_to_send(stored: Path, runs, monkeypatch) -> None:
    train(ended=None, status="running", pid=2**22 + 1, started=time.time() - 100)
    track()
    with opened_store() as store:
        store.state.runs = dict.fromkeys(store.state.runs, "0" * 32)  # as after `mlflow gc`
        store.state.save()
        for run in store.client.search_runs([store.experiment_id]):
            store.client.delete_run(run.info.run_id)
    train(resumed=True)
    assert "1 runs" in track()
    assert runs()["train@a"].info.status == "FINISHED"


@pytest.mark.parametrize("content", [None, b'{"uri": 1}', b"\xff"])
def test_lost_state_costs_nothing(stored: Path, runs, content: bytes | None) -> None:
    train()
    record("evaluate.py a")
    track()
    before = {name: (run.info.run_id, run.data.metrics, run.data.params) for name, run in runs().items()}
    [file] = Path(".cache/tracking").glob("*.json")
    file.write_bytes(content) if content is not None else file.unlink()
    assert "2 runs" in track()
    assert {name: (run.info.run_id, run.data.metrics, run.data.params) for name, run in runs().items()} == before
    assert steps(before["train@a"][0]) == [10, 20]
    assert "0 runs" in track()


def test_results_that_dvc_enters_later_are_sent_later(stored: Path, runs) -> None:
    """`difflab track` may run between the end of a stage and its entry in dvc.lock."""
    lock = yaml.safe_load(Path("dvc.lock").read_text())
    entry = lock["stages"].pop("evaluate@a")
    Path("dvc.lock").write_text(json.dumps(lock))
    record("evaluate.py a")
    assert track().splitlines()[0].endswith("1 without results, which are not in dvc.lock (yet)")
    assert runs()["evaluate@a"].info.status == "FINISHED" and runs()["evaluate@a"].artifacts == set()
    assert "0 runs" in track()

    lock["stages"]["evaluate@a"] = entry | {"outs": [out | {"md5": "0" * 32} for out in entry["outs"]]}
    Path("dvc.lock").write_text(json.dumps(lock))  # the entry of the run before: other files than are there now
    assert "0 runs" in track()
    lock["stages"]["evaluate@a"] = entry
    Path("dvc.lock").write_text(json.dumps(lock))
    assert "1 runs" in track()
    found = runs()["evaluate@a"]
    assert found.artifacts == {"metrics/a.json", "figures/a.png"} and found.data.metrics["a/accuracy"] == 0.8
    assert "0 runs" in track()


def test_stage_that_seemed_dead_is_sent_when_it_has_ended(stored: Path, runs) -> None:
    """As that of a host whose heartbeat was late."""
    late = train(ended=None, status="running", pid=2**22 + 1)
    assert "1 runs" in track() and runs()["train@a"].info.status == "KILLED"
    late.status, late.ended = "finished", time.time()
    late.write()
    assert "1 runs" in track()
    assert runs()["train@a"].info.status == "FINISHED" and runs()["train@a"].data.tags["dvc.out/models/a"] == "m.dir"


def test_damaged_lines_of_a_log_are_skipped_and_named(stored: Path, runs, capsys) -> None:
    with Path(LOG).open("a") as log:
        log.write('{"step": 25, "lo\n\n[1]\n{"loss": 1}\n{"step": 26, "loss": "x"}\n' + log_lines(30))
    train()
    track()
    assert steps(runs()["train@a"].info.run_id) == [10, 20, 30]
    assert capsys.readouterr().err.count(f"{LOG}: skipped: found the line ") == 5


def test_what_the_store_refuses_is_named_and_the_rest_is_sent(stored: Path, runs, capsys, monkeypatch) -> None:
    from mlflow.exceptions import MlflowException

    train()
    record("evaluate.py a")
    send = sending.send_stage

    def refusing(store, curves, one, *others) -> None:
        if one.stage == "train@a":
            raise MlflowException.invalid_parameter_value("no such name")
        send(store, curves, one, *others)

    monkeypatch.setattr(sending, "send_stage", refusing)
    assert "1 runs" in track()
    assert "MLflow: train@a: skipped, and tried again next time: no such name" in capsys.readouterr().err
    monkeypatch.setattr(sending, "send_stage", send)
    assert "1 runs" in track()
    assert runs()["train@a"].info.status == "FINISHED"


def test_value_of_a_parameter_that_changed_is_named(stored: Path, runs, capsys) -> None:
    """MLflow takes each once."""
    train(ended=None, status="running", pid=2**22 + 1, started=time.time() - 100)
    track()
    again = {"recipes.a.training": {"seed": 5, "learning_rate": 0.1}, "compute": {"threads": 1}}
    record("train.py a", params=again, work_folders=[str(Path(LOG).parent)], resumed=True)
    track()
    params = runs()["train@a"].data.params
    assert params["recipes.a.training.seed"] == "0" and params["compute.threads"] == "1"
    assert "recipes.a.training.seed stays 0; skipped: 5" in capsys.readouterr().err


def test_mlflows_settings_of_the_experiment_are_kept_to(stored: Path, runs, monkeypatch) -> None:
    train()
    track()
    with opened_store() as store:
        number = store.client.create_experiment("by number")
    for settings in ({"MLFLOW_EXPERIMENT_NAME": "mine"}, {"MLFLOW_EXPERIMENT_ID": number}):
        with monkeypatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            assert "1 runs" in track()
            assert "train@a" in runs()
            with opened_store() as store:
                assert store.client.get_experiment(store.experiment_id).name == settings.get(
                    "MLFLOW_EXPERIMENT_NAME", "by number"
                )
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "77")
    with pytest.raises(StoreError, match="77"):
        track()


def test_mlflows_settings_of_the_registry_are_kept_to(stored: Path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "sqlite:///registry.db")
    train()
    track()
    assert Path("registry.db").exists()
    with opened_store() as store:
        assert [model.name for model in store.client.search_registered_models()] == ["a"]
    monkeypatch.delenv("MLFLOW_REGISTRY_URI")
    with opened_store() as store:
        assert list(store.client.search_registered_models()) == []


def test_damaged_lock_ends_track_in_one_line_and_closes_nothing(stored: Path, runs, monkeypatch) -> None:
    train()
    lock = Path("dvc.lock").read_text()
    Path("dvc.lock").write_text(lock[:30])
    monkeypatch.setattr(sys, "argv", ["difflab", "track"])
    with pytest.raises(SystemExit, match=r"^error: dvc\.lock: .+$"):
        main()
    Path("dvc.lock").write_text(lock)
    assert "1 runs" in track() and "dvc.out/models/a" in runs()["train@a"].data.tags
