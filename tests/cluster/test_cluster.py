"""A pipeline on a real SLURM, MLflow and DVC remotes, all on this machine: `make test-cluster`."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import servers

ROOT = Path(__file__).parents[2]
REMOTES = {"sshd": servers.sshd, "s3": servers.s3}
STAGES = "models/unconditional-800 models/judges/mnist"
TRAINING, RULE = "train@unconditional-800", "rule_train_unconditional_800"
PROFILE = "difflab profile smoke recipes.unconditional-800.training.num_epochs=6"  # long enough to be killed
SUBMIT = "snakemake --profile profiles/slurm"
KILLS = 5

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(bool(servers.missing()), reason=f"cluster: {servers.missing()}"),
]


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working tree, committed, with the smoke profile: nothing has run."""
    folder = tmp_path_factory.mktemp("cluster") / "clone"
    files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    for name in files.stdout.splitlines():
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    run(f"git init --quiet && {PROFILE} && rm dvc.lock", folder)
    commit(folder)
    return folder


@pytest.fixture(scope="session")
def mlflow_uri() -> Iterator[str]:
    """A server that starts while jobs wait for SLURM."""
    with servers.mlflow_server(Path("/tmp") / f"mlflow-{os.getpid()}") as uri:
        yield uri


@pytest.fixture(scope="session")
def on_slurm(clone: Path, mlflow_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clone after a run on SLURM in which the training lost its node, and then reached its time limit.

    Next to it, `local` is after a run on this machine. Afterwards one stage runs again and asks for a GPU, on a SLURM
    that keeps accounts.
    """
    folder, local = tmp_path_factory.mktemp("slurm"), clone.with_name("local")
    run(f"git clone --quiet . {local}", clone)
    with ExitStack() as stack, servers.slurm(folder / "without") as (start, kill):
        process = stack.enter_context(started(f"{SUBMIT} {STAGES}", clone))
        servers.wait_for(lambda: bool(checkpoints(clone)) or process.poll() is not None, "the training", 400)
        assert process.poll() is None
        node = field(training_job(), "NodeList")
        kill(node)
        assert process.poll() is None
        start(node)
        stop_resumed_training(clone)
        run(f"scontrol update JobId={field(training_job(), 'JobId')} TimeLimit=1", clone)
        here = stack.enter_context(started(f"snakemake --cores 2 {STAGES}", local))  # in the minutes until that limit
        servers.wait_for(lambda: bool(jobs(JobState="TIMEOUT")), "the time limit", 200)
        assert process.wait(600) == 0 and here.wait(600) == 0
        assert not any("gpu" in job for job in jobs())
    commit(clone)
    run(f"{PROFILE} runtime.gpus=1", clone)
    judge = "models/judges/mnist --forcerun models/judges/mnist --default-resources slurm_account=lab"
    with servers.slurm(folder / "with", gpus=1, account="lab"), started(f"{SUBMIT} {judge}", clone) as process:
        assert process.wait(600) == 0
        assert [field(job, "TresPerJob") for job in jobs() if "TresPerJob" in job] == ["gres:gpu:1"]
        accounts = "sacct --allocations --noheader --parsable2 --format=Account,State"
        servers.wait_for(lambda: set(run(accounts, clone).split()) == {"lab|COMPLETED"}, "the accounts", 30)
    run("git checkout --quiet params.yaml dvc.lock", clone)
    return clone


@contextmanager
def started(command: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, shell=True, cwd=folder, env=environment(folder), start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(folder / "src"), "DVC_SITE_CACHE_DIR": str(folder / ".cache/dvc-site")}


def commit(folder: Path) -> None:
    identity = "-c user.name=Test -c user.email=test@example.org"
    run(f"git add --all && git {identity} commit --quiet --message all", folder)


def run(command: str, folder: Path) -> str:
    done = subprocess.run(command, shell=True, cwd=folder, env=environment(folder), capture_output=True, text=True)
    print(f"$ {command}\n{done.stdout}{done.stderr}")
    done.check_returncode()
    return done.stdout


def checkpoints(folder: Path) -> list[Path]:
    """The whole ones: a training that is killed in its first one starts over."""
    found = folder.glob(f".cache/checkpoints/{TRAINING}/*/*")
    return [path for path in found if path.suffix not in (".jsonl", ".partial")]


def jobs(**fields: str) -> list[str]:
    """What SLURM knows of each job with these fields, also of those that have ended."""
    done = subprocess.run(["scontrol", "--oneliner", "show", "job"], capture_output=True, text=True, check=True)
    return [job for job in done.stdout.splitlines() if all(f" {name}={fields[name]} " in job for name in fields)]


def field(job: str, name: str) -> str:
    return re.findall(rf"\b{name}=(\S+)", job)[0]


def training_job() -> str:
    """The running job of the training; waits for it."""
    found: list[str] = []
    servers.wait_for(lambda: bool(found.extend(j for j in jobs(JobState="RUNNING") if RULE in j) or found), RULE, 200)
    return found[0]


def records(folder: Path) -> list[dict[str, Any]]:
    """Of the processes of the training, in their order."""
    return [json.loads(file.read_bytes()) for file in sorted(folder.glob(f".cache/runs/*-{TRAINING}-*.json"))]


def stop_resumed_training(folder: Path) -> None:
    """Stop the process of the second training, which then cannot end."""
    servers.wait_for(lambda: len(found := records(folder)) == 2 and found[1]["resumed"], "the second training", 200)
    psutil.Process(records(folder)[1]["pid"]).suspend()


def test_training_resumes(on_slurm: Path) -> None:
    resumed = [(record["resumed"], record["status"]) for record in records(on_slurm)]
    assert resumed == [(False, "running"), (True, "running"), (True, "finished")]


def test_run_is_that_of_one_machine(on_slurm: Path) -> None:
    """The lock has the bytes of an uninterrupted run."""
    folders = (on_slurm, on_slurm.with_name("local"))
    entries = [sorted((folder / "dvc.lock").read_text().split("\n  ")) for folder in folders]
    assert [line for line in entries[0] if "size" not in line] == [line for line in entries[1] if "size" not in line]
    assert "Nothing to be done" in run(f"snakemake {STAGES} --dry-run --quiet rules", on_slurm)


def test_runs_are_in_mlflow(on_slurm: Path, mlflow_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    servers.wait_for(lambda: servers.listens(int(mlflow_uri.rpartition(":")[2])), "MLflow", 300)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    line = run("difflab track", on_slurm).splitlines()[1]
    assert line.startswith("  smoke · ") and "num_epochs 6" in line and line.endswith(": FINISHED")
    code = "import mlflow, pandas; print(mlflow.pyfunc.load_model('models:/unconditional-800/1').predict("
    code += "pandas.DataFrame({'seed': [0, 1]}), {'num_inference_steps': 2}).shape)"
    assert run(f'{sys.executable} -c "{code}"', on_slurm).splitlines()[-1].startswith("(2, ")


@pytest.mark.parametrize("kind", REMOTES)
def test_push_that_is_killed_continues(on_slurm: Path, tmp_path: Path, kind: str) -> None:
    with REMOTES[kind](tmp_path / kind) as settings:
        run(f"dvc remote add --local {kind} {settings['url']}", on_slurm)
        for key in settings.keys() - {"url"}:
            run(f"dvc remote modify --local {kind} {key} {settings[key]}", on_slurm)
        for number in range(KILLS):
            pushing = subprocess.Popen(["difflab", "push", kind], cwd=on_slurm, env=environment(on_slurm))
            time.sleep(2 + number)
            pushing.kill()
            pushing.wait()
        printed = run(f"difflab push {kind}", on_slurm)
        number = printed.split()[1]
        assert printed.startswith(f"{kind}: {number} of {number} objects of dvc.lock; ")
        clone = tmp_path / "clone"
        run(f"git clone --quiet . {clone} && cp .dvc/config.local {clone}/.dvc", on_slurm)
        run(f"dvc pull --remote {kind} --allow-missing && difflab check", clone)
        assert "Nothing to be done" in run(f"snakemake {STAGES} --dry-run --quiet rules", clone)
