"""A pipeline on a real SLURM, MLflow and DVC remotes, all on this machine: `make test-cluster`."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import servers

ROOT = Path(__file__).parents[2]
REMOTES = {"sshd": servers.sshd, "s3": servers.s3}
STAGES = "models/unconditional-800 models/judge-mnist"
PROFILE = "difflab profile smoke recipes.unconditional-800.training.num_epochs=6"  # long enough to be killed
SUBMIT = f"snakemake --profile profiles/slurm {STAGES}"
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
def on_slurm(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The clone after a run on SLURM in which a node was killed during training."""
    with servers.slurm(tmp_path_factory.mktemp("slurm") / "slurm") as (start, kill):
        process = subprocess.Popen(SUBMIT, shell=True, cwd=clone, env=environment(clone), start_new_session=True)
        try:
            log = clone / ".cache/logs/train@unconditional-800.log"
            servers.wait_for(lambda: log.exists() and bool(checkpoints(clone)), "the training", 400)
            node = node_of("train_unconditional")
            kill(node)
            assert process.poll() is None
            start(node)
            assert process.wait(600) == 0
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
        commit(clone)
        yield clone


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
    return [path for path in folder.glob(".cache/checkpoints/train@unconditional-800/*/*") if path.suffix != ".jsonl"]


def node_of(job: str) -> str:
    done = subprocess.run(["squeue", "-h", "-t", "R", "-o", "%N %o %k"], capture_output=True, text=True, check=True)
    return next(line.split()[0] for line in done.stdout.splitlines() if job in line)


def test_run_is_that_of_one_machine(on_slurm: Path, tmp_path: Path) -> None:
    """A job that lost its node ran again and resumed: the lock has the bytes of another run."""
    local = tmp_path / "local"
    run(f"git clone --quiet . {local}", on_slurm)
    run(f"snakemake --cores 2 {STAGES}", local)
    entries = [sorted((folder / "dvc.lock").read_text().split("\n  ")) for folder in (on_slurm, local)]
    assert [line for line in entries[0] if "size" not in line] == [line for line in entries[1] if "size" not in line]
    assert "Nothing to be done" in run(f"snakemake {STAGES} --dry-run --quiet rules", on_slurm)


def test_runs_are_in_mlflow(on_slurm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with servers.mlflow_server(Path("/tmp") / f"mlflow-{os.getpid()}") as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        printed = run("difflab track", on_slurm).splitlines()
        assert (
            printed[1].startswith("  smoke · ") and "num_epochs 6" in printed[1] and printed[1].endswith(": FINISHED")
        )
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
