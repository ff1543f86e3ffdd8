"""Run everything that needs a GPU in one call, on a machine without a network.

    python gpu/job.py --packed gpu/packed --out OUT --seconds 540

`gpu/pack.sh` creates the folder `packed`. The parts run in this order, each in its own process, so that a part that
fails, hangs or breaks the GPU does not prevent the next one:

tests   the tests marked `gpu`
loops   images per second of `fit` and of diffusers' training loop (gpu/loops.py)
faces   a 64×64 face model, trained in the time left by the other parts (gpu/faces.py)
digits  the recipe unconditional-800 of the paper profile, trained for a minute (gpu/digits.py)

While the tests run, the networks are compiled into Inductor's cache. OUT contains job.jsonl, faces.png and the folder
faces/: 8 files of at most 16 MiB. The exit status is 1 if a part fails.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from gpu import job_log  # noqa: E402  (after the path is set)

SITE = ROOT / ".cache/gpu-job"  # for packages; the same path in every job, so that cached graphs are found
COMPILE_LOG = ROOT / ".cache/gpu-job-compile.log"
PARTS = ("tests", "loops", "faces", "digits")
LIMITS = {"tests": 80, "loops": 90, "digits": 70}  # seconds; `faces` has the rest
SMOKE_LIMITS = {"tests": 120, "loops": 120, "digits": 80}  # for busy machines; usually all parts take a minute or two
KEPT_LINES = 200  # of a part's output, in the log


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packed", type=Path, required=True, help="the folder that gpu/pack.sh made")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=540, help="of the whole job")
    parser.add_argument("--parts", default=",".join(PARTS), help="some of %(default)s")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, for a test on the CPU")
    parser.add_argument("--no-compile", action="store_true", help="without torch.compile")
    args = parser.parse_args()
    chosen = args.parts.split(",")
    if unknown := [part for part in chosen if part not in PARTS]:
        parser.error(f"--parts: found {unknown[0]!r}, allowed: {', '.join(PARTS)}")
    for name in ("faces.zip", "paper.yaml", "pretrain.yaml"):
        if not (args.packed / name).is_file():
            sys.exit(f"error: {args.packed / name}: not found; bash gpu/pack.sh creates it")
    args.out.mkdir(parents=True, exist_ok=True)
    job = Job(args.packed.resolve(), args.out.resolve(), args.seconds, args.smoke, not args.no_compile)
    shutil.rmtree(SITE, ignore_errors=True)
    job.environment = environment(unpack_wheels(job.packed / "wheels", SITE), SITE)
    failed = job.run([part for part in PARTS if part in chosen])
    sys.exit(1 if failed else 0)


def unpack_wheels(wheels: Path, site: Path) -> list[str]:
    """Unpack wheels for this Python into `site` if their package is missing here or older; returns their names."""
    unpacked = []
    for wheel in sorted(wheels.glob("*.whl")):
        name, version, *_, python, _, _ = wheel.stem.split("-")
        if f"cp{sys.version_info.major}{sys.version_info.minor}" in python.split(".") or "py3" in python.split("."):
            try:
                older = _numbers(importlib.metadata.version(name)) < _numbers(version)
            except importlib.metadata.PackageNotFoundError:
                older = True
            if older:
                with zipfile.ZipFile(wheel) as archive:
                    archive.extractall(site)
                unpacked.append(f"{name}=={version}")
    return unpacked


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def environment(unpacked: list[str], site: Path) -> dict[str, str]:
    """The environment variables of every part; prints `unpacked` for the record."""
    print("unpacked:", ", ".join(unpacked) or "nothing; all packages are here", flush=True)
    paths = [str(site), str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONUNBUFFERED": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # plugins of the other machine may not fit this pytest
        "HF_HUB_OFFLINE": "1",
    }


@dataclass
class Job:
    packed: Path
    out: Path
    seconds: float
    smoke: bool
    compile: bool
    environment: dict[str, str] = field(default_factory=dict)
    start: float = field(default_factory=time.monotonic)

    @property
    def log(self) -> Path:
        return self.out / "job.jsonl"

    def run(self, parts: list[str]) -> list[str]:
        """Run the parts; returns the failed ones."""
        job_log.write(self.log, "job", "started", parts=parts, seconds=self.seconds, smoke=self.smoke)
        limits = SMOKE_LIMITS if self.smoke else LIMITS
        results = {}
        for number, part in enumerate(parts):
            left = self.seconds - (time.monotonic() - self.start)
            later = sum(limits[name] for name in parts[number + 1 :] if name in limits)
            seconds = min(limits[part], left) if part in limits else left - later
            ahead = self.compile_ahead() if part == "tests" and self.compile else []
            end = time.monotonic() + seconds
            results[part] = self.run_part(part, max(seconds, 1))
            if ahead:
                self.end_compiling(ahead, end)
        job_log.write(self.log, "job", "finished", results=results)
        for part, result in results.items():
            print(f"{part:8} {result}")
        return [part for part, result in results.items() if result != "finished"]

    def command(self, part: str, seconds: float) -> list[str]:
        if part == "tests":
            return [sys.executable, "-m", "pytest", "tests/gpu", "-m", "gpu", "-rs", "-p", "no:cacheprovider"]
        options = ["--packed", str(self.packed), "--out", str(self.out), "--seconds", f"{seconds:.0f}"]
        options += ["--smoke"] * self.smoke + ["--compile"] * self.compile
        return [sys.executable, "-m", f"gpu.{part}", *options]

    def start_process(self, command: list[str], output: int = subprocess.PIPE) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def compile_ahead(self) -> list[subprocess.Popen[str]]:
        """Processes that fill Inductor's cache with the graphs of `faces` and `loops`, also for a later job."""
        commands = [[*self.command(part, 300), "--compile-only"] for part in ("faces", "loops")]
        COMPILE_LOG.parent.mkdir(parents=True, exist_ok=True)
        with COMPILE_LOG.open("wb") as log:
            return [self.start_process(command, log.fileno()) for command in commands]

    def end_compiling(self, ahead: list[subprocess.Popen[str]], end: float) -> None:
        """Wait until `end`; killed processes leave the graphs that they have finished in the cache."""
        for process in ahead:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(0, end - time.monotonic()))
            kill(process)
        lines = COMPILE_LOG.read_text(encoding="utf-8", errors="replace").splitlines()
        statuses = [process.returncode for process in ahead]
        job_log.write(self.log, "job", "compiled ahead", exit_statuses=statuses, output=lines[-KEPT_LINES:])

    def run_part(self, part: str, seconds: float) -> str:
        """Run one part for at most `seconds`; returns "finished" or a description of the failure."""
        print(f"--- {part}: at most {seconds:.0f} s", flush=True)
        began, lines = time.monotonic(), []
        process = self.start_process(self.command(part, seconds))
        reader = threading.Thread(target=copy_output, args=(process, lines), daemon=True)
        reader.start()
        try:
            status = process.wait(timeout=seconds)
            result = "finished" if status == 0 else f"exit status {status}"
        except subprocess.TimeoutExpired:
            result = f"killed after {seconds:.0f} s"
        kill(process)  # with its child processes
        reader.join(timeout=5)
        took = round(time.monotonic() - began, 1)
        job_log.write(self.log, part, "ended", result=result, seconds=took, output=lines[-KEPT_LINES:])
        return result


def copy_output(process: subprocess.Popen[str], lines: list[str]) -> None:
    assert process.stdout
    for line in process.stdout:
        print(line, end="", flush=True)
        lines.append(line.rstrip())


def kill(process: subprocess.Popen[str]) -> None:
    """Kill the process and its child processes."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    main()
