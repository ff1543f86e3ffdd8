"""`python warm_server.py ADDRESS MODULE …`: import the modules, then fork for each script, or `-m MODULE`, of a client.

A script runs with the difflab of its own PYTHONPATH: if this process has another one, it is imported again.
"""

import importlib
import importlib.util
import json
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from difflab.pipeline.fingerprint import write_fingerprints

# Both runners import most of themselves late.
RUNNERS = (
    "configobj",
    "difflab.history.revisions",
    "difflab.setup.check",
    "dulwich.worktree",
    "dvc.cli",
    "dvc.commands.repro",
    "dvc.data_cloud",
    "dvc.dirs",
    "dvc.dvcfile",
    "dvc.lock",
    "dvc.repo",
    "dvc.rwlock",
    "dvc.scm",
    "dvc_http",
    "dvc_render.vega",
    "networkx",
    "pyparsing",
    "scmrepo.git",
    "smart_open",
    "snakemake.assets",
    "snakemake.cli",
    "snakemake.profiles",
    "snakemake.report.html_reporter",
    "snakemake.storage",
    "snakemake.workflow",
)
STAGES = (
    "accelerate",
    "diffusers.pipelines.controlnet",
    "diffusers.pipelines.ddim.pipeline_ddim",
    "diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion",
    "matplotlib.pyplot",
    "pandas",
    "scipy.stats",
    "skimage.color",
    "sklearn.manifold",
    "torch._dynamo",
    "torchvision.transforms",
    "transformers.models.clip.modeling_clip",
)
RECIPES = (
    "difflab.data.dataset",
    "difflab.diffusion.objective",
    "difflab.diffusion.pipelines",
    "difflab.stage",
    "difflab.systems.digits.plan",
    "difflab.training.fit",
    "torch._dynamo",
)


@contextmanager
def warm_server(folder: Path, modules: Iterable[str]) -> Iterator[str]:
    """The address of a server with these modules."""
    address = folder / "socket"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}  # read when torch is imported
    server = subprocess.Popen([sys.executable, __file__, str(address), *modules], env=environment)
    while not address.exists():
        assert server.poll() is None
        time.sleep(0.1)
    yield str(address)
    server.kill()
    server.wait()


def serve(address: str, modules: list[str]) -> None:
    for name in modules:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:  # what it has parsed is kept for each snakemake
        write_fingerprints(Path(folder))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address)
        listener.listen()
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                connection.send(str(os.getpid()).encode())
                connection.send(bytes([run_job(connection)]))
                os._exit(0)
            connection.close()


def run_job(connection: socket.socket) -> int:
    message, descriptors, *_ = socket.recv_fds(connection, 1 << 18, 3)
    job = json.loads(message)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    # Those of the server may be files; a pipe has no position.
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", buffering=1, closefd=False)
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environment"])
    sys.path[0:1] = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    forget_another_difflab()
    sys.argv = job["command"]
    sys.executable = shutil.which("python") or sys.executable  # what a script starts may be warm too
    try:
        if sys.argv[0] == "-m":
            sys.argv = sys.argv[1:]
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(sys.argv[0], run_name="__main__")
        code = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def forget_another_difflab() -> None:
    loaded = sys.modules.pop("difflab")
    spec = importlib.util.find_spec("difflab")
    sys.modules["difflab"] = loaded
    if spec is None or spec.origin != loaded.__file__:
        for name in [name for name in sys.modules if name.split(".")[0] == "difflab"]:
            del sys.modules[name]


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2:])
