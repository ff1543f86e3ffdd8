"""The parent run of a pipeline shows its own results alone, and how it ended."""

import hashlib
import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from as_if_run import LOG, record, train

from difflab.pipeline.run_records import read_records
from difflab.setup.profiles import write_profile
from difflab.tracking.sending import track
from difflab.tracking.store import StoreError, opened_store

ROOT = Path(__file__).parents[2]
DEAD = 2**22 + 1  # no process has this number


def parent(runs):
    [found] = [run for run in runs().values() if "mlflow.parentRunId" not in run.data.tags]
    return found


def edit_lock(change) -> None:
    lock = yaml.safe_load(Path("dvc.lock").read_text())
    change(lock["stages"])
    Path("dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False))


def test_entries_of_other_runs_are_not_its_results(stored: Path, runs) -> None:
    """As when another profile ran before, and what was to replace its results was killed."""
    other = {"path": "metrics/b.json", "md5": hashlib.md5(b"{}").hexdigest()}
    Path("metrics/b.json").write_text("{}")
    params = {"params.yaml": {"recipes.b.training": {"seed": 0}}}
    edit_lock(lambda stages: stages.update({"evaluate@b": {"cmd": "python b", "params": params, "outs": [other]}}))
    train()
    record("evaluate.py a")
    record("train.py b", status="running", ended=None, pid=DEAD)
    track()
    assert parent(runs).data.metrics.keys() == {"a/num_images", "a/accuracy", "a/accuracy.low", "a/accuracy.high"}
    assert parent(runs).data.tags["not_of_this_run"] == "evaluate@b"
    assert parent(runs).info.status == "FAILED"


@pytest.mark.parametrize(
    "change",
    [
        lambda stages: stages["evaluate@a"].update(deps=[{"path": "models/a/", "md5": "x.dir"}]),
        lambda stages: stages["train@a"]["params"]["params.yaml"].update({"recipes.a.training": {"seed": 7}}),
    ],
    ids=["an input", "a parameter upstream"],
)
def test_results_of_other_inputs_are_not_its_results(stored: Path, runs, change) -> None:
    edit_lock(change)
    record("evaluate.py a")
    track()
    assert parent(runs).data.metrics == {} and parent(runs).data.tags["not_of_this_run"] == "evaluate@a"


def test_a_metrics_file_that_was_changed_is_not_its_result(stored: Path, runs) -> None:
    record("evaluate.py a")
    Path("metrics/a.json").write_text("{}")
    track()
    assert parent(runs).data.metrics == {}


def test_parameters_are_those_of_the_run_whatever_was_edited_since(stored: Path, runs) -> None:
    trained = train()
    trained.params_file.parent.mkdir(parents=True)
    trained.params_file.write_bytes(Path("params.yaml").read_bytes())
    record("evaluate.py a")
    Path("params.yaml").write_text("recipes: {a: {training: {seed: 5}}}\n")
    track()
    assert parent(runs).data.params["recipes.a.training.seed"] == "0"
    assert parent(runs).data.metrics["a/accuracy"] == 0.8
    with opened_store() as store:
        assert store.client.search_model_versions("name = 'a'")


def test_a_stage_that_was_killed_and_continued_has_not_failed(stored: Path, runs) -> None:
    killed = train(status="running", ended=None, pid=DEAD, started=time.time() - 100)
    track()
    assert parent(runs).info.status == "FAILED" and runs()["train@a"].info.status == "KILLED"
    running = train(status="running", ended=None, started=time.time())
    record("evaluate.py a")
    track()
    assert parent(runs).info.status == "RUNNING"
    running.status, running.ended = "finished", time.time()
    running.write()
    track()
    assert parent(runs).info.status == "FINISHED"
    assert killed.pipeline == running.pipeline


def test_silent_record_of_another_host_ends(stored: Path, runs) -> None:
    import os

    far = train(status="running", ended=None, host="node1", started=time.time() - 2000)
    assert "0 runs" in track()
    os.utime(far.file, (time.time() - 1000, time.time() - 1000))
    assert "1 runs" in track()
    assert runs()["train@a"].info.status == "KILLED" and parent(runs).info.status == "FAILED"
    assert Path(LOG).exists() and len(read_records()) == 1


@pytest.mark.parametrize("uri", ["sqlite:///proc/x.db", "postgresql://127.0.0.1:9/x", "nonsense://x"])
def test_database_that_does_not_answer_is_given_up_soon(stored: Path, monkeypatch: pytest.MonkeyPatch, uri) -> None:
    train()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail(f"{seconds} s asleep"))
    with pytest.raises(StoreError, match=r"^MLflow at .*; nothing is lost"):
        track()


def test_names_say_what_ran(stored: Path, runs, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "conf", "conf")
    for seed, overrides in enumerate([[], ["recipes.joint-cosine.sampling.guidance_scale=4.0", "runtime.log_every=7"]]):
        write_profile("smoke", overrides)
        made = record("evaluate.py a", started=time.time() + seed)
        made.params_file.parent.mkdir(parents=True, exist_ok=True)
        made.params_file.write_bytes(Path("params.yaml").read_bytes())
    printed = track().splitlines()
    assert printed[1:3] == ["  smoke · ccccccc: FINISHED", "  smoke · ccccccc · guidance_scale 4.0: FINISHED"]
    assert {"smoke · ccccccc", "smoke · ccccccc · guidance_scale 4.0"} < runs().keys()
    assert runs()["smoke · ccccccc"].data.params["recipes.joint-cosine.sampling.sampler"] == "ddpm"


def test_data_sets_are_inputs(stored: Path, runs) -> None:
    data = [{"path": "prepared/mnist.safetensors", "md5": "d"}, {"path": "code/a.txt", "md5": "c"}]
    edit_lock(lambda stages: stages["evaluate@a"].update(deps=data))
    record("evaluate.py a")
    track()
    [read] = runs()["evaluate@a"].inputs.dataset_inputs
    assert (read.dataset.name, read.dataset.digest) == ("mnist", "d")


def test_experiment_has_results_and_models_too(stored: Path, runs) -> None:
    """From git and DVC's cache: the working folder has those of another run."""

    def keep(content: bytes, end: str = "") -> str:
        md5 = hashlib.md5(content).hexdigest() + end
        file = Path(".dvc/cache/files/md5", md5[:2], md5[2:])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return md5

    files = [path for path in Path("models/a").rglob("*") if path.is_file()]
    listing = [{"md5": keep(path.read_bytes()), "relpath": str(path.relative_to("models/a"))} for path in files]
    model = keep(json.dumps(listing).encode(), ".dir")
    edit_lock(lambda stages: [stages["train@a"]["outs"][0].update(md5=model), stages["evaluate@a"].update(deps=[])])
    identity = "-c user.name=Test -c user.email=test@example.org"
    subprocess.run(f"git add -f dvc.lock params.yaml metrics && git {identity} commit -qm exp", shell=True, check=True)
    subprocess.run("git update-ref refs/exps/aa/bb/spare-lamp HEAD", shell=True, check=True)
    Path("dvc.lock").unlink()
    shutil.rmtree("models")
    train(experiment="spare-lamp")
    record("evaluate.py a", experiment="spare-lamp")
    track()
    assert parent(runs).info.run_name.startswith("spare-lamp · ")
    assert parent(runs).data.metrics["a/accuracy"] == 0.8 and "metrics/a.json" in parent(runs).artifacts
    with opened_store() as store:
        [version] = store.client.search_model_versions("name = 'a'")
    assert version.tags["dvc.md5"] == model
