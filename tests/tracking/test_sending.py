"""What `difflab track` leaves in a store."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from as_if_run import LOG, log_lines, record, train

from difflab.history.why import provenance
from difflab.pipeline.run_records import read_records
from difflab.tracking.runs import Curves, training_suffix
from difflab.tracking.sending import track
from difflab.tracking.store import StoreError, TrackingState, opened_store, tracked_run, tracking_uri


def test_results_are_found_by_the_command_of_the_stage(stored: Path, runs) -> None:
    """The name of a stage such as clip@circles is not in its command, `python stages/zero_shot/clip.py`."""
    lock = Path("dvc.lock").read_text()
    assert "train@a:" in lock
    Path("dvc.lock").write_text(lock.replace("train@a:", "train@other:"))
    train()
    track()
    assert runs()["train@a"].data.tags["dvc.out/models/a"] == "m.dir"


def test_everything_about_a_run_is_there(stored: Path, runs) -> None:
    trained, graded = train(), record("evaluate.py a")
    assert track().startswith("MLflow: 2 runs of stages sent to sqlite:///")
    found = runs()
    parent = found[f"{'c' * 7} · {trained.params_sha256[:6]}"]
    one = found["train@a"]
    assert found["evaluate@a"].data.tags["mlflow.parentRunId"] == one.data.tags["mlflow.parentRunId"]
    assert one.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert {"commit": "c" * 40, "stage": "train@a", "params_sha256": trained.params_sha256}.items() <= (
        one.data.tags.items()
    )
    assert one.data.tags["dvc.out/models/a"] == "m.dir"
    assert one.data.params == {"recipes.a.training.seed": "0", "recipes.a.training.learning_rate": "0.1"}
    assert one.data.metrics["loss"] == 1 / 20 and one.data.metrics["seconds"] == pytest.approx(60, abs=1)
    assert (one.info.status, one.info.start_time) == ("FINISHED", int(1000 * trained.started))
    assert one.artifacts > {
        "models/a/model_card.md",
        "model/MLmodel",
        "model/data/a/model_index.json",
        "model/data/a/unet/weights",
    }
    assert not any("snapshots" in path for path in one.artifacts)
    measured = found["evaluate@a"]
    assert measured.artifacts == {"metrics/a.json", "figures/a.png"}
    expected = {"a/num_images": 10.0, "a/accuracy": 0.8, "a/accuracy.low": 0.7, "a/accuracy.high": 0.9}
    assert expected.items() <= measured.data.metrics.items() and "a/protocol.n" not in measured.data.metrics
    assert parent.data.metrics == expected
    assert parent.artifacts == {"models/a/model_card.md", "metrics/a.json", "figures/a.png"}
    known = provenance(Path("metrics/a.json"))
    tracked = tracked_run(graded)
    assert known.record == graded and tracked and tracked.run_id == measured.info.run_id


def test_a_user_without_a_name_is_its_number(stored: Path, runs, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 2**31 + 1)
    train()
    track()
    assert runs()["train@a"].data.tags["mlflow.user"] == str(2**31 + 1)


def test_the_link_shows_the_headline_measurements(stored: Path) -> None:
    train()
    assert "viewStateShareKey" not in track()
    Path("claims.yaml").write_text("headline: {a: [accuracy, accuracy.low], b-1: ['x(y)']}\nclaims: {}\n")
    record("evaluate.py a")
    assert "/runs?workflowType=machine_learning&viewStateShareKey=headline " in track()
    with opened_store() as store:
        tags = store.client.get_experiment(store.experiment_id).tags
    columns = ["metrics.`a/accuracy`", "metrics.`a/accuracy.low`", "metrics.`b-1/x_y_`"]
    assert json.loads(tags["mlflow.sharedViewState.headline"]) == {"selectedColumns": columns}


def test_recipe_is_registered_with_its_metrics(stored: Path) -> None:
    train()
    record("evaluate.py a")
    track()
    with opened_store() as store:
        (version,) = store.client.search_model_versions("name = 'a'")
        downloaded = store.client.get_model_version_download_uri("a", version.version)
    assert version.tags["accuracy"] == "0.8 (0.7 to 0.9)" and version.tags["dvc.md5"] == "m.dir"
    assert 'UnconditionalPipeline.from_pretrained("models/a")' in version.description
    assert (Path(downloaded.removeprefix("file://")) / "data/a/unet/weights").read_text() == "w"


def test_nothing_is_sent_twice(stored: Path, runs) -> None:
    train()
    track()
    assert "0 runs" in track()
    assert len(runs()) == 2


def test_continued_stage_continues_its_run(stored: Path, runs) -> None:
    """Another commit lies between, as when a user saves other work."""
    train(ended=None, status="running", pid=2**22 + 1, started=time.time() - 100)
    track()
    killed = runs()["train@a"]
    assert killed.info.status == "KILLED"
    with Path(LOG).open("a") as log:
        log.write(log_lines(30))
    train(resumed=True, commit="d" * 40)
    track()
    done = runs()["train@a"]
    assert done.info.run_id == killed.info.run_id and done.info.status == "FINISHED"
    with opened_store() as store:
        assert [m.step for m in store.client.get_metric_history(done.info.run_id, "loss")] == [10, 20, 30]


def test_live_log_is_sent_as_far_as_it_is_whole(stored: Path) -> None:
    running = train(ended=None, status="running", started=time.time())
    sender = Curves()
    with opened_store() as store:
        sender.send(store, running)
        with Path(LOG).open("a") as log:
            log.write(log_lines(30, 40) + '{"step": 50,')
        time.sleep(0.1)
        sender.send(store, running)
        run_id = store.state.runs[str(Path(LOG).parent)]
        history = store.client.get_metric_history(run_id, "loss")
        (rate,) = store.client.get_metric_history(run_id, "steps_per_second")
    assert [(m.step, m.value) for m in history] == [(step, 1 / step) for step in (10, 20, 30, 40)]
    assert rate.step == 40 and 0 < rate.value <= 200


def test_store_that_is_down_keeps_everything(stored: Path, runs, monkeypatch: pytest.MonkeyPatch) -> None:
    train()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    with pytest.raises(StoreError, match=r"MLflow at http://127\.0\.0\.1:9: .*; nothing is lost") as error:
        track()
    assert "secret" not in str(error.value) and "\n" not in str(error.value)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert "1 runs" in track()
    assert runs()["train@a"].data.metrics["loss"] == 1 / 20


def test_a_database_is_named_by_its_whole_path(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Home folders of a domain's users have an @, which ends a password in the address of a server."""
    home = stored / "me@example.org"
    home.mkdir()
    Path("mlflow.db").rename(home / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri := f"sqlite:///{home}/mlflow.db")
    train()
    assert f"sent to {uri}\n" in track()


def test_results_of_another_configuration_are_not_taken(stored: Path, runs) -> None:
    """As when another revision was checked out before `difflab track`."""
    record("train.py a", params={"recipes.a.training": {"seed": 1}})
    track()
    found = runs()["train@a"]
    assert found.artifacts == set() and "dvc.out/models/a" not in found.data.tags


def test_trainings_of_one_stage_are_told_apart() -> None:
    assert training_suffix("train@joint-cosine", "train-joint-cosine-0123abcd") == ""
    assert training_suffix("adapt@mnistm-usps-dann", "adapt-mnistm-usps-dann-2-0123abcd") == "/2"
    assert training_suffix("faces@cats", "faces-0123abcd") == ""
    assert training_suffix("custom_diffusion@circles", "custom_diffusion-plum-1-0123abcd") == "/plum-1"


def test_two_at_once_make_one_database_and_one_parent(repository: Path, runs) -> None:
    """In place of one that had everything and was deleted."""
    records = [train(), record("evaluate.py a")]
    TrackingState(tracking_uri(), "1-2", sent={record.file.name: "complete" for record in records}).save()
    both = [subprocess.Popen(["difflab", "track"], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = sorted(process.communicate()[0].partition(" sent")[0] for process in both)
    assert told == ["MLflow: 0 runs of stages", "MLflow: 2 runs of stages"]
    assert len(runs()) == 3 and len(read_records()) == 2
