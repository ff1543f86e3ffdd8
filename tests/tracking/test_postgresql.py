"""An MLflow server with a PostgreSQL database, both real, on loopback."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from functools import partial
from pathlib import Path

import pytest
from as_if_run import record, train

from difflab.tracking.sending import track

TOOLS = Path("/usr/lib/postgresql")
pytestmark = pytest.mark.postgresql


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def database(tmp_path_factory: pytest.TempPathFactory):
    """The URI of a database of its own; PostgreSQL refuses to run as root."""
    initdb = shutil.which("initdb") or next(map(str, sorted(TOOLS.glob("*/bin/initdb"), reverse=True)), None)
    if initdb is None:
        pytest.skip("needs PostgreSQL: `apt-get install postgresql`")
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    as_user = partial(subprocess.run, user=user if os.geteuid() == 0 else None, stdout=subprocess.DEVNULL)
    folder = Path("/tmp", f"difflab-pg-{os.getpid()}")  # a socket's path is short, and pytest's folders are root's own
    folder.mkdir()
    shutil.chown(folder, user)
    port, pg_ctl = free_port(), str(Path(initdb).resolve().with_name("pg_ctl"))
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    data = str(folder / "data")
    try:
        as_user([initdb, "-D", data, "-A", "trust", "-U", "mlflow"], check=True, cwd=folder)
        start = [pg_ctl, "-D", data, "-w", "-t", "120", "-l", str(folder / "log"), "-o", options, "start"]
        as_user(start, check=True, cwd=folder)
        yield f"postgresql://mlflow@127.0.0.1:{port}/postgres"
    finally:
        as_user([pg_ctl, "-D", data, "-m", "immediate", "stop"], cwd=folder)
        shutil.rmtree(folder)


@pytest.fixture
def server(database: str, tmp_path_factory: pytest.TempPathFactory):
    """The URI of an MLflow server on that database, which keeps the artifacts too."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(port)]
    command += ["--backend-store-uri", database, "--artifacts-destination", str(folder / "artifacts")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + 600
    while not answers(f"http://127.0.0.1:{port}/health"):
        assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.5)
    yield f"http://127.0.0.1:{port}"
    os.killpg(process.pid, 9)
    process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


def test_everything_reaches_a_server(repository: Path, server: str, runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    train()
    record("evaluate.py a")
    assert track() == f"MLflow: 2 runs of stages sent to {server}"
    found = runs()
    assert found["train@a"].data.metrics["loss"] == 1 / 20
    assert found["train@a"].artifacts == {"models/a/model_card.md", "model/model_index.json", "model/unet/weights"}
    assert found["evaluate@a"].artifacts == {"metrics/a.json", "figures/a.png"}
    assert not Path("mlflow.db").exists() and not Path("mlartifacts").exists()
    assert "0 runs" in track()
