"""`difflab rehearse`: runs the stage scripts one after another in a scratch folder and measures each."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import chdir, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from difflab.config.params import Params, load_params
from difflab.errors import UserError
from difflab.history.dag import Stage, read_stages
from difflab.pipeline.dvc_repo import open_repo
from difflab.pipeline.files import remove
from difflab.pipeline.locks import alone
from difflab.rehearsal.full_numbers import full_numbers
from difflab.rehearsal.scratch import FOLDER, make_scratch, write_inputs
from difflab.rehearsal.table import Row, in_words, row_of, tables
from difflab.rehearsal.work import work_of

OTHERS = ("check_params", "code", "fetch", "report")  # they read the user's data, or describe results
# Those with large networks come last.
RANKS = {"faces": 1, "clip": 2, "autoencoder": 3, "text_to_image": 3}
LOCK = "a rehearsal"  # one at a time, because of the shared scratch folder
POLL = 0.2  # seconds between two measurements of a stage's memory
SLOWEST = 1200  # CPU seconds for each thread, after which a stage is stopped
SPARE = 1 << 30  # bytes of memory to keep free


@dataclass(frozen=True)
class Ran:
    """The result of a stage's process: `problem` is empty if it finished; `peak` is its resident memory in bytes."""

    problem: str
    peak: int
    measured: dict[str, Any] | None


def rehearse(names: Sequence[str], steps: int) -> str:
    """Rehearse the stages `names` and those upstream, or all; returns tables and notes on missing files.

    A name is that of a stage, or of a kind such as train. Raises UserError for an unknown name.
    """
    if steps < 1:
        raise UserError(f"--steps: found {steps}, allowed: 1 and above")
    import torch

    on_gpu = torch.cuda.is_available()
    _require_known(names)
    with alone(LOCK):
        try:
            return _rehearse(names, load_params(), steps, on_gpu)
        finally:
            remove(FOLDER)


def _rehearse(names: Sequence[str], params: Params, steps: int, on_gpu: bool) -> str:
    full, rows, failed = full_numbers(params), list[Row](), set[str]()
    cut, numbers, notes = make_scratch(params, steps, on_gpu, os.cpu_count() or 1, full.classes)
    stages = _chosen(_ordered(_stages_of_scratch()), names)
    write_inputs(cut, numbers, {stage.kind for stage in stages})
    for number, stage in enumerate(stages, start=1):
        print(f"{number} of {len(stages)}  {stage.name}", file=sys.stderr, end="", flush=True)
        if lacking := [upstream for upstream in stage.upstream if upstream in failed]:
            ran = Ran(f"not run: {lacking[0]} is missing", 0, None)
        else:
            ran = _run(stage, cut.compute.threads)
        if ran.problem:
            failed.add(stage.name)
        whole, part = (work_of(stage.kind, stage.item, *sizes) for sizes in ((params, full), (cut, numbers)))
        rows.append(row_of(stage.name, ran.problem, ran.peak, ran.measured, whole, part))
        print(f": {in_words(rows[-1])}", file=sys.stderr, flush=True)
    return tables(rows, notes, on_gpu)


def _require_known(names: Sequence[str]) -> None:
    stages = [stage for stage in read_stages(open_repo()) if stage.kind not in OTHERS]
    kinds = dict.fromkeys(stage.kind for stage in stages)
    for name in names:
        if name not in kinds and name not in [stage.name for stage in stages]:
            allowed = f"{', '.join(kinds)}, or a stage of one of them such as {stages[-1].name}"
            raise UserError(f"rehearse: found {name!r}, allowed: {allowed}")


def _stages_of_scratch() -> list[Stage]:
    with chdir(FOLDER):  # DVC's stage names contain their path from the working folder
        return [stage for stage in read_stages(open_repo()) if stage.kind not in OTHERS]


def _ordered(stages: Sequence[Stage]) -> list[Stage]:
    """The stages sorted by rank, which is at least that of the stages upstream."""
    ranks: dict[str, int] = {}
    for stage in stages:
        ranks[stage.name] = max([RANKS.get(stage.kind, 0), *(ranks.get(name, 0) for name in stage.upstream)])
    return sorted(stages, key=lambda stage: ranks[stage.name])


def _chosen(stages: list[Stage], names: Sequence[str]) -> list[Stage]:
    """The stages `names` and those upstream; a name that the rehearsal lacks selects the stages of its kind."""
    if not names:
        return stages
    known = {stage.name: stage for stage in stages}
    front = [
        stage.name
        for stage in stages
        for name in names
        if stage.name == name or (name not in known and stage.kind == name.partition("@")[0])
    ]
    wanted = set[str]()
    while front:
        name = front.pop()
        if name in known and name not in wanted:
            wanted.add(name)
            front += known[name].upstream
    return [stage for stage in stages if stage.name in wanted]


def _run(stage: Stage, threads: int) -> Ran:
    """Run the stage's script until it ends, takes too long or fills the memory."""
    _, script, *arguments = shlex.split(stage.command)
    file, log = FOLDER / "measured.json", FOLDER / "stage.log"
    remove(file)
    paths = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DVC_")}
    environment |= {"PYTHONPATH": paths, "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "difflab.rehearsal.measured", file.name, script, *arguments]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=FOLDER, env=environment, stdout=output, stderr=output) as process,
    ):
        try:
            problem, peak = _watched(process, SLOWEST * threads)
        finally:
            process.kill()
    if process.returncode and not problem:
        # As when the memory of a container or cluster job is full.
        problem = f"killed by signal {-status}" if (status := process.returncode) < 0 else f"failed: {_last_line(log)}"
    measured = json.loads(file.read_bytes()) if file.exists() else None
    return Ran(problem, measured["resident"] if measured else peak, measured)


def available_memory() -> int:
    """Bytes that a stage may use here."""
    import psutil

    return psutil.virtual_memory().available - SPARE


def _watched(process: subprocess.Popen[bytes], seconds: float) -> tuple[str, int]:
    """Wait for a process; returns why it has to be stopped, or "", and its peak memory in bytes.

    `seconds`: limit in CPU time, so that other processes do not count.
    """
    import psutil

    allowed, peak = available_memory(), 0
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            seen = psutil.Process(process.pid)
            peak, times = max(peak, seen.memory_info().rss), seen.cpu_times()
            if times.user + times.system > seconds:
                return f"stopped after {seconds} s", peak
        if peak > allowed:
            return f"stopped: it took more than the {allowed / 2**30:.1f} GiB that were free", peak
        time.sleep(POLL)
    return "", peak


def _last_line(log: Path) -> str:
    lines = [
        line for line in log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n").splitlines() if line
    ]
    return lines[-1] if lines else "no output"
