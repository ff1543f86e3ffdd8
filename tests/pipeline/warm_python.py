"""`python warm_python.py ADDRESS`: a Python that has imported the large libraries, and forks for each script to run.

Their imports are most of what a stage of the smoke profile costs. `python warm_python.py ADDRESS SCRIPT …` has one run.
"""

import importlib
import json
import os
import runpy
import signal
import socket
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

PRELOADED = (
    "difflab",  # before torchvision: see there
    "accelerate",
    "diffusers.pipelines.controlnet",
    "diffusers.pipelines.ddim.pipeline_ddim",
    "diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion",
    "matplotlib.pyplot",
    "pandas",
    "scipy.stats",
    "skimage.color",
    "sklearn.manifold",
    "torchvision.transforms",
    "transformers.models.clip.modeling_clip",
)


def run(address: str, command: list[str], folder: str, environment: Mapping[str, str]) -> int:
    """The exit status of the script command[0], run in `folder` by the server, with this process's input and output."""
    job = {"command": command, "folder": folder, "environment": dict(environment)}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(address)
        socket.send_fds(connection, [json.dumps(job).encode()], [0, 1, 2])
        return (connection.recv(1) or b"\1")[0]  # nothing comes from a script that was killed


def serve(address: str) -> None:
    for name in PRELOADED:
        importlib.import_module(name)
    for name in [name for name in sys.modules if name.split(".")[0] == "difflab"]:
        del sys.modules[name]  # a script imports that of its own folder
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address)
        listener.listen()
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                connection.send(bytes([run_job(connection)]))
                os._exit(0)
            connection.close()


def run_job(connection: socket.socket) -> int:
    message, descriptors, *_ = socket.recv_fds(connection, 1 << 18, 3)
    job = json.loads(message)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    # Those of the server may be files; a pipe has no position.
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environment"])
    sys.path[0:1] = os.environ["PYTHONPATH"].split(os.pathsep)
    sys.argv = job["command"]
    try:
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
    return code


if __name__ == "__main__":
    address, *command = sys.argv[1:]
    if command:
        sys.exit(run(address, command, str(Path.cwd()), os.environ))
    serve(address)
